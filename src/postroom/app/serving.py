"""Serving: a node behind a socket, until a signal tells it to leave."""

import asyncio
import gc
from collections.abc import Callable
from urllib.parse import urlsplit

import uvicorn

from postroom import observe
from postroom.app.node import Part, node
from postroom.clock import SystemClock
from postroom.settings import ROLES, Settings
from postroom.web import certificate
from postroom.web.certificate import CertificateFiles
from postroom.web.server import Leaving, Server


async def serve(
    settings: Settings, *, part: Part | None = None, tell: Callable[[str], None] = print
) -> None:
    """Serve until SIGTERM or SIGINT, then leave in time: see `Leaving`."""
    observe.configure(level=settings.log_level, form=settings.log_format)
    leaving = Leaving(settings.drain_seconds)
    async with node(settings, part=part, leaving=leaving, tell=tell) as running:
        papers = _certificate(settings)
        config = uvicorn.Config(
            running.site,
            ssl_certfile=papers.certificate if papers else None,
            ssl_keyfile=papers.key if papers else None,
            host=settings.host,
            port=settings.port,
            http="httptools",
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            backlog=2048,
        )
        server = Server(config)
        listening = server.listen()
        leaving.begin_on_signals()
        _calm_the_collector()
        host, port = listening.getsockname()[:2]
        scheme = "https" if papers else "http"
        tell(f"Postroom listens on {scheme}://{host}:{port} ({_what_is_there(settings)})")
        if papers and settings.tls == "self-signed":
            tell(f"  trust this certificate in clients: {papers.certificate}")
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        await _until_told(leaving, serving)
        await asyncio.gather(
            running.drain(),
            server.leave(leaving, notice_seconds=settings.drain_notice_seconds),
            serving,
        )


async def _until_told(leaving: Leaving, serving: asyncio.Task[None]) -> None:
    """Wait until the server is to leave, or has ended by itself."""
    told = asyncio.create_task(leaving.begun.wait())
    await asyncio.wait({told, serving}, return_when=asyncio.FIRST_COMPLETED)
    told.cancel()


def _what_is_there(settings: Settings) -> str:
    """Return in a few words what callers find here."""
    if set(settings.roles) == set(ROLES):
        return "front door: /connect"
    return f"this node: {', '.join(role for role in ROLES if role in settings.roles)}"


def _certificate(settings: Settings) -> CertificateFiles | None:
    """Return the files to serve https with, or None for http."""
    if settings.tls_certificate is not None and settings.tls_key is not None:
        return certificate.given(settings.tls_certificate, settings.tls_key)
    if settings.tls == "off":
        return None
    named = urlsplit(settings.public_url).hostname if settings.public_url else None
    # The machine's own clock: clients date the certificate by theirs.
    now = SystemClock().now()
    return certificate.self_signed(
        beside=settings.sqlite_path, names=[named] if named else (), now=now
    )


def _calm_the_collector() -> None:
    """Collect cycles less often: the road makes hardly any, and looking for them costs 5 %."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
