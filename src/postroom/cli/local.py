"""The desk in this process: the API itself, called on the database without a server."""

import asyncio
import getpass
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from postroom import app, observe
from postroom.cli.desk import Call, Desk
from postroom.errors import NotFoundError
from postroom.settings import Settings
from postroom.web.api import Services, create_api
from postroom.web.asgi import Application


@asynccontextmanager
async def open_desk(
    *, database: str | None, config: Path | None, may_create: bool
) -> AsyncIterator[Desk]:
    """Open a desk on a database, and close the database after.

    Raises `NotFoundError` for a database file that is not there, unless `may_create`; whether a
    server has the database, it says itself.
    """
    settings = Settings.load(config, database=database)
    observe.configure(level="error", form="text")
    if settings.is_embedded and not may_create and not settings.sqlite_path.exists():
        raise NotFoundError(
            f"there is no database {settings.sqlite_path}; give --database or --server, or make"
            " one with `postroom apply connect.yaml`"
        )
    async with app.desk(settings) as opened:
        api = create_api(
            Services(
                store=opened.store,
                vault=opened.vault,
                clock=opened.clock,
                allow_private_addresses=settings.allow_private_addresses,
                in_hand=lambda: 0,
                esign=opened.esign,
                retention_days=settings.row_retention_days,
            ),
            trusted=_name(),
        )

        async def line(call: Call, take: Callable[[bytes], None]) -> int:
            return await _send(api, call, take)

        yield Desk(line)


async def _send(api: Application, call: Call, take: Callable[[bytes], None]) -> int:
    """Call an ASGI application once."""
    status = 0
    ended = asyncio.Event()
    incoming = [{"type": "http.request", "body": call.body, "more_body": False}]

    async def receive() -> dict[str, Any]:
        if incoming:
            return incoming.pop()
        await ended.wait()  # who calls within the process hangs up only once all is said
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        elif message["type"] == "http.response.body":
            take(message.get("body", b""))
            if not message.get("more_body", False):
                ended.set()

    await api(_scope(call), receive, send)
    return status


def _scope(call: Call) -> dict[str, Any]:
    from_call = [
        (b"host", b"localhost"),
        (b"accept", call.accept.encode()),
        (b"content-length", str(len(call.body)).encode()),
        (b"content-type", b"application/json"),
    ]
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": call.method,
        "scheme": "http",
        "path": unquote(call.path),
        "raw_path": call.path.encode(),
        "query_string": call.query.encode(),
        "headers": from_call,
        "client": None,
        "server": ("localhost", 80),
        "root_path": "",
    }


def _name() -> str:
    """Return the name that the audit log will have: who runs the command."""
    try:
        return f"local:{getpass.getuser()}"
    except (KeyError, OSError):  # a container may have no name for the user
        return "local"
