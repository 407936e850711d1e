"""The one ASGI application: each path to its room."""

from collections.abc import Awaitable, Callable

from postroom import observe
from postroom.errors import UnavailableError
from postroom.web.front_door import FrontDoor, Message, Receive, Scope, Send

DOCUSIGN_PATHS = ("/restapi", "/oauth", "/signing")
"""What begins so is answered by the Connect server."""

Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class Site:
    """Sends each path to its room.

    Messages go to the front door, probes to their answers, Docusign's paths to the Connect
    server, and the rest to the API.
    """

    def __init__(
        self,
        *,
        front_door: FrontDoor,
        api: Application,
        connect_api: Application,
        is_ready: Callable[[], Awaitable[bool]],
        refresh: Callable[[], Awaitable[None]],
    ) -> None:
        self._front_door = front_door
        self._api = api
        self._connect_api = connect_api
        self._is_ready = is_ready
        self._refresh = refresh

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request as an ASGI application."""
        if scope["type"] != "http":
            await self._api(scope, receive, send)
            return
        path: str = scope["path"]
        if path == "/connect" or path.startswith("/connect/"):
            await self._front_door(scope, receive, send)
        elif path == "/healthz":
            await _plain(send, 200, b"alive\n")
        elif path == "/readyz":
            ready = await self._is_ready()
            await _plain(send, 200 if ready else 503, b"ready\n" if ready else b"not ready\n")
        elif path == "/metrics":
            await _plain(send, 200, observe.metrics())
        else:
            room = self._connect_api if path.startswith(DOCUSIGN_PATHS) else self._api
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


async def _plain(send: Send, status: int, body: bytes) -> None:
    headers = [
        (b"content-type", b"text/plain; version=0.0.4; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
