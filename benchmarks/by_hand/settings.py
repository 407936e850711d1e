"""What both processes are told through the environment, and what they share."""

import base64
import hashlib
import hmac
import json
import os
from pathlib import Path
from typing import Any

SOCKET = os.environ["BY_HAND_REDIS_SOCKET"]
KEY = os.environ["BY_HAND_KEY"].encode()
LISTENERS: dict[str, dict[str, Any]] = json.loads(Path(os.environ["BY_HAND_LISTENERS"]).read_text())
"""Name to `url`, and the `integration` and the sender's e-mail `user` that it wants."""
FIRST_RETRY_SECONDS = float(os.environ["BY_HAND_FIRST_RETRY_SECONDS"])
KEPT_SECONDS = 16 * 24 * 3600
"""Longer than any task is tried again."""


def event_key(event_id: str) -> str:
    """Return where an event's body is kept: once, however many listeners want it."""
    return f"event:{event_id}"


def signature(body: bytes) -> str:
    """Return Docusign's signature of a body: HMAC-SHA256, Base64."""
    return base64.b64encode(hmac.digest(KEY, body, hashlib.sha256)).decode()
