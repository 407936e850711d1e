"""Who is asking: a bearer token on every route but the OpenAPI document."""

from typing import Any

from litestar import Request
from litestar.datastructures import Headers
from litestar.exceptions import NotAuthorizedException
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send

from postroom.operations import tokens
from postroom.storage.port import Store

PUBLIC_PATH = "/api/v1/openapi.json"
MAX_TOKEN_CHARACTERS = 1000
_CHALLENGE = {"www-authenticate": "Bearer"}


class SignIn(ASGIMiddleware):
    """Lets in who carries a token we know, and remembers the name it was given under."""

    def __init__(self, store: Store, trusted: str | None) -> None:
        self._store = store
        self._trusted = trusted

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Serve one request, or raise 401 with a challenge."""
        if scope["path"] != PUBLIC_PATH:
            scope["user"] = self._trusted or await self._who(scope)
        await next_app(scope, receive, send)

    async def _who(self, scope: Scope) -> str:
        given = Headers.from_scope(scope).get("authorization", "")
        scheme, _, token = given.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise NotAuthorizedException(
                "send your API token as `Authorization: Bearer TOKEN`", headers=_CHALLENGE
            )
        name = None
        if len(token) <= MAX_TOKEN_CHARACTERS:
            name = await tokens.who(self._store, token.strip())
        if name is None:
            raise NotAuthorizedException("this API token is not known here", headers=_CHALLENGE)
        return name


def actor(request: Request[Any, Any, Any]) -> str:
    """Return the name under which the token was given, for the audit log."""
    return str(request.scope["user"])
