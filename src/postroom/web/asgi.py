"""The one ASGI application: each path to its room, as far as this node has the role for it."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
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
        is_leaving: Callable[[], bool],
        refresh: Callable[[], Awaitable[None]],
    ) -> None:
        self._front_door = front_door
        self._api = api
        self._connect_api = connect_api
        self._unready = unready
        """Says why the node should not be sent requests now; None where it should."""
        self._is_leaving = is_leaving
        self._refresh = refresh

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request as an ASGI application."""
        try:
            await self._answer(scope, receive, send)
        except asyncio.CancelledError:
            if not self._is_leaving():
                raise
            await _cut_short(send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
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


async def _cut_short(send: Send) -> None:
    """Answer a request for which there is no time left, unless its answer has begun."""
    with suppress(RuntimeError):  # how uvicorn says that it has
        await _problem(
            send,
            HTTPStatus.SERVICE_UNAVAILABLE,
            "this node is being stopped; send it again",
            (b"retry-after", b"1"),
            (b"connection", b"close"),
        )


async def _elsewhere(send: Send, role: Role) -> None:
    """Answer that another node serves this."""
    detail = (
        f"this node does not serve this path: nodes with the role {role} do; ask one of those, or"
        f" start one with `postroom serve --role {role}`"
    )
    await _problem(send, HTTPStatus.NOT_FOUND, detail)


async def _problem(send: Send, status: HTTPStatus, detail: str, *more: tuple[bytes, bytes]) -> None:
    """Answer with problem details (RFC 9457)."""
    problem = {"type": "about:blank", "title": status.phrase, "status": status, "detail": detail}
    await _whole(send, status, b"application/problem+json", msgspec.json.encode(problem), *more)


async def _plain(send: Send, status: int, body: bytes) -> None:
    await _whole(send, status, b"text/plain; version=0.0.4; charset=utf-8", body)


async def _whole(
    send: Send, status: int, content_type: bytes, body: bytes, *more: tuple[bytes, bytes]
) -> None:
    headers = [
        (b"content-type", content_type),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        *more,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
