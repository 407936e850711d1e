"""Names become addresses off the event loop, so that a dead name server delays its own host only.

libcurl looks names up on a few threads that all transfers share: measured with libcurl 8.23, ten
lookups that hang keep every other listener from being reached for as long as they hang. Here a
host has at most one lookup under way, on a thread of its own, and libcurl is handed the answer.
"""

import asyncio
import contextlib
import ipaddress
import socket
import threading
import time
from collections.abc import Callable

import pycurl

from postroom.model import Noun

KEPT_SECONDS = 60.0
"""How long an answer is used; the operating system does not say how long it holds."""
MAX_ADDRESSES = 16
MAX_LOOKUPS = 200
"""So many hosts at once may wait for their name servers."""
MAX_KEPT = 10_000

_PORTS = {"http": 80, "https": 443}


class Found(Noun, frozen=True, kw_only=True):
    """What a URL's host was found to be: what libcurl is told, or what went wrong."""

    resolve: tuple[str, ...] = ()
    """For CURLOPT_RESOLVE: `host:port:address,address`; empty where the host is an address."""
    failure: str | None = None
    """`dns` or `bad-url`."""
    detail: str = ""


Answer = tuple[tuple[str, ...], str]
"""The addresses of a host, and the complaint where there are none."""


class Names:
    """Finds the addresses of hosts and remembers them for a while."""

    def __init__(self, *, look_up: Callable[[str], Answer] | None = None) -> None:
        self._look_up = look_up or system_lookup
        self._kept: dict[str, tuple[float, Found]] = {}
        self._asked: dict[str, asyncio.Future[Answer]] = {}

    async def find(self, url: str, *, patience_seconds: float) -> Found:
        """Return what libcurl is to be told of the URL's host. A failure is a value.

        Waits no longer than `patience_seconds`; a lookup that takes longer goes on for others.
        """
        kept = self._kept.get(url)
        if kept is not None and kept[0] > time.monotonic():
            return kept[1]
        try:
            host, port = _target(url)
        except (pycurl.error, ValueError):
            return Found(failure="bad-url", detail="the listener's URL cannot be read")
        if _is_address(host):
            return self._keep(url, Found())
        addresses, complaint = await self._ask(host, patience_seconds)
        if not addresses:
            return Found(failure="dns", detail=f"{host}: {complaint}")
        return self._keep(url, Found(resolve=(f"{host}:{port}:{','.join(addresses)}",)))

    def _keep(self, url: str, found: Found) -> Found:
        if len(self._kept) >= MAX_KEPT:
            self._kept.clear()
        self._kept[url] = (time.monotonic() + KEPT_SECONDS, found)
        return found

    async def _ask(self, host: str, patience_seconds: float) -> Answer:
        asked = self._asked.get(host)
        if asked is None:
            if len(self._asked) >= MAX_LOOKUPS:
                return (), f"{MAX_LOOKUPS} other names are being looked up and have no answer yet"
            asked = self._begin(host)
        done, _ = await asyncio.wait({asked}, timeout=patience_seconds)
        if not done:
            return (), f"no answer from the name server within {patience_seconds:g} s"
        return asked.result()

    def _begin(self, host: str) -> asyncio.Future[Answer]:
        loop = asyncio.get_running_loop()
        asked = self._asked[host] = loop.create_future()

        def answer(answered: Answer) -> None:
            del self._asked[host]
            asked.set_result(answered)

        def run() -> None:
            answered = self._look_up(host)
            with contextlib.suppress(RuntimeError):  # the loop ended meanwhile: nobody waits
                loop.call_soon_threadsafe(answer, answered)

        # A daemon, so that a name server that does not answer cannot hold up our end.
        threading.Thread(target=run, name=f"name {host[:40]}", daemon=True).start()
        return asked


def system_lookup(host: str) -> Answer:
    """Ask the operating system for a host's addresses, in the order it prefers. Blocks."""
    try:
        # As bytes, since Python would refuse some names that the name server may know.
        rows = socket.getaddrinfo(host.encode("ascii"), None, type=socket.SOCK_STREAM)
    except (OSError, ValueError) as problem:
        return (), str(getattr(problem, "strerror", None) or problem)
    texts = dict.fromkeys(str(row[4][0]) for row in rows)
    addresses = (f"[{text}]" if ":" in text else text for text in texts if "%" not in text)
    return tuple(addresses)[:MAX_ADDRESSES], "the name has no address"


def _target(url: str) -> tuple[str, int]:
    """Return host and port as libcurl itself reads them, so that both mean the same host."""
    parsed = pycurl.CurlUrl(url)
    scheme = parsed.scheme or ""
    if scheme not in _PORTS or not parsed.host:
        raise ValueError("not a URL that is sent to")
    return parsed.host.lower(), int(parsed.port or _PORTS[scheme])


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return False
    return True
