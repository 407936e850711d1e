"""Docusign's REST paths: the Connect server as the official SDKs know it."""

from postroom.web.connect_api.application import create_connect_api
from postroom.web.connect_api.services import ConnectServices

__all__ = ["ConnectServices", "create_connect_api"]
