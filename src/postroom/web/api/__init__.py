"""Our HTTP API, /api/v1: every verb of `operations`, one thin route each."""

from postroom.web.api.application import create_api
from postroom.web.api.services import Services

__all__ = ["Services", "create_api"]
