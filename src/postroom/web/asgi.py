"""The one ASGI application: each path to its room, as far as this node has the role for it."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus

import msgspec

from postroom import observe
from postroom.errors import UnavailableError
from postroom.settings import Role
from postroom.web.front_door import FrontDoor, Message, Receive, Scope, Send

DOCUSIGN_PATHS = ("/restapi", "/oauth", "/signing")
"""What begins so is answered by the Connect server."""

Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class Site:
    """Sends each path to its room.

    Messages go to the front door, probes to their answers, Docusign's paths to the Connect
    server, and the rest to the API. A room that is None is another node's: who asks for it is told
    which role serves it.
    """

    def __init__(
        self,
        *,
        front_door: FrontDoor | None,
        api: Application | None,
        connect_api: Application | None,
        unready: Callable[[], Awaitable[str | None]],
        refresh: Callable[[], Awaitable[None]],
    ) -> None:
        self._front_door = front_door
        self._api = api
        self._connect_api = connect_api
        self._unready = unready
        """Says why the node should not be sent requests now; None where it should."""
        self._refresh = refresh

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request as an ASGI application."""
        if scope["type"] != "http":
            if self._api is not None:
                await self._api(scope, receive, send)
            return
        path: str = scope["path"]
        if path == "/connect" or path.startswith("/connect/"):
            if self._front_door is None:
                await _elsewhere(send, "front-door")
            else:
                await self._front_door(scope, receive, send)
        elif path == "/healthz":
            await _plain(send, 200, b"alive\n")
        elif path == "/readyz":
            reason = await self._unready()
            said = "ready" if reason is None else f"not ready: {reason}"
            await _plain(send, 200 if reason is None else 503, f"{said}\n".encode())
        elif path == "/metrics":
            await _plain(send, 200, observe.metrics())
        else:
            room = self._connect_api if path.startswith(DOCUSIGN_PATHS) else self._api
            if room is None:
                await _elsewhere(send, "api")
                return
            is_reading = scope["method"] in {"GET", "HEAD"}
            await room(scope, receive, send if is_reading else self._once_in_force(send))

    def _once_in_force(self, send: Send) -> Send:
        """Answer only when this node goes by what was changed: who applies may rely on it."""

        async def refreshed(message: Message) -> None:
            if message["type"] == "http.response.start":
                try:
                    await self._refresh()
                except UnavailableError as problem:  # what was changed is kept; upkeep sees it
                    observe.log.warning("not in force here yet", reason=str(problem))
            await send(message)

        return refreshed


async def _elsewhere(send: Send, role: Role) -> None:
    """Answer that another node serves this (RFC 9457)."""
    status = HTTPStatus.NOT_FOUND
    detail = (
        f"this node does not serve this path: nodes with the role {role} do; ask one of those, or"
        f" start one with `postroom serve --role {role}`"
    )
    problem = {"type": "about:blank", "title": status.phrase, "status": status, "detail": detail}
    await _answer(send, status, b"application/problem+json", msgspec.json.encode(problem))


async def _plain(send: Send, status: int, body: bytes) -> None:
    await _answer(send, status, b"text/plain; version=0.0.4; charset=utf-8", body)


async def _answer(send: Send, status: int, content_type: bytes, body: bytes) -> None:
    headers = [
        (b"content-type", content_type),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
