"""How `adopt` signs in to the account: an access token from the environment, or a JWT grant."""

import os
import re
from pathlib import Path
from urllib.parse import urlsplit

from postroom.errors import InvalidInputError
from postroom.esign import access
from postroom.model import Noun
from postroom.operations.document import GUID

TOKEN_ENV = "DOCUSIGN_ACCESS_TOKEN"  # noqa: S105  # the name of a variable, no token
MAX_KEY_BYTES = 20_000
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_VISIBLE = re.compile(r"[\x21-\x7e]+")


class Grant(Noun, frozen=True, kw_only=True):
    """A JWT grant: who asks, as which user, and the key that proves it."""

    integration_key: str
    user_id: str
    oauth_host: str
    private_key: bytes

    def __repr__(self) -> str:
        return f"Grant(integration_key={self.integration_key!r}, user_id={self.user_id!r})"


class SignIn(Noun, frozen=True, kw_only=True):
    """Where the account is, and the one way in: a token, or a grant."""

    base_path: str
    token: str | None = None
    grant: Grant | None = None

    def __repr__(self) -> str:
        return f"SignIn(base_path={self.base_path!r})"


def sign_in(
    base_path: str,
    *,
    integration_key: str | None,
    user_id: str | None,
    private_key: Path | None,
    oauth_host: str | None,
) -> SignIn:
    """Return how to sign in. Raises `InvalidInputError` for what is missing or cannot be."""
    where = checked_base_path(base_path)
    if integration_key is None and user_id is None and private_key is None:
        token = os.environ.get(TOKEN_ENV, "").strip()
        if not _VISIBLE.fullmatch(token):
            raise InvalidInputError(
                f"put an administrator's access token into {TOKEN_ENV}, or give --integration-key,"
                " --user-id and --private-key for a JWT grant"
            )
        return SignIn(base_path=where, token=token)
    if integration_key is None or user_id is None or private_key is None:
        raise InvalidInputError(
            "a JWT grant wants --integration-key, --user-id and --private-key, all three"
        )
    for option, value in (("--integration-key", integration_key), ("--user-id", user_id)):
        if not re.fullmatch(GUID, value):
            raise InvalidInputError(f"{option}: write the GUID that Docusign shows")
    host = oauth_host or _usual_oauth_host(where)
    if not re.fullmatch(r"[A-Za-z0-9.-]+(:\d{1,5})?", host):
        raise InvalidInputError("--oauth-host: write a host, such as account-d.docusign.com")
    return SignIn(
        base_path=where,
        grant=Grant(
            integration_key=integration_key,
            user_id=user_id,
            oauth_host=host,
            private_key=_key(private_key),
        ),
    )


def checked_base_path(base_path: str) -> str:
    """Return a base path as the SDK takes it; a token goes there, so it is https.

    Raises `InvalidInputError`.
    """
    try:
        parts = urlsplit(base_path)
        host = parts.hostname or ""
    except ValueError:
        host, parts = "", urlsplit("")
    is_fine = parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)
    path = parts.path.rstrip("/")
    is_bare = parts.username is None and not parts.query and not parts.fragment
    if not (host and is_fine and is_bare and path.endswith("/restapi")):
        raise InvalidInputError(
            "--base-path: write the account's address, such as https://demo.docusign.net/restapi"
        )
    return base_path.rstrip("/")


def _usual_oauth_host(base_path: str) -> str:
    host = (urlsplit(base_path).hostname or "").lower()
    return "account-d.docusign.com" if host.startswith("demo.") else "account.docusign.com"


def _key(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_KEY_BYTES)
    except (OSError, ValueError) as problem:  # ValueError: a zero byte in the name
        detail = getattr(problem, "strerror", None) or "that is no file's name"
        raise InvalidInputError(f"--private-key: cannot read {path}: {detail}") from None
    complaint = access.check_private_key(raw.decode("utf-8", "replace"))
    if complaint is not None:
        raise InvalidInputError(f"--private-key: {path}: {complaint}")
    return raw
