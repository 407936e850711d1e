"""Under which address this server was reached."""

import re
from typing import Any
from urllib.parse import urlsplit

from litestar import Request
from litestar.di import NamedDependency

from postroom.model import Noun
from postroom.web.connect_api.services import ConnectServices

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_HOST = re.compile(r"[A-Za-z0-9.\-]{1,255}(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:[0-9]{1,5})?")


class Reach(Noun, frozen=True, kw_only=True):
    """The address a request was sent to."""

    base_url: str
    """Scheme and host, without a slash at the end."""
    audiences: frozenset[str]
    """What an assertion for this server may name as its audience: host and port."""


def reach_of(services: ConnectServices, *, scheme: str, host: str) -> Reach:
    """Return where a request was sent, by the setting or by its own Host header.

    An audience is never what the Host header claims alone: it is the host of `public_url`, or a
    loopback name, so that an assertion made for Docusign itself proves nothing here.
    """
    is_sound = _HOST.fullmatch(host) is not None
    base_url = services.public_url or f"{scheme}://{host if is_sound else 'localhost'}"
    audiences = {urlsplit(services.public_url).netloc} if services.public_url else set()
    if is_sound and urlsplit(f"//{host}").hostname in LOOPBACK:
        audiences.add(host)
    return Reach(base_url=base_url, audiences=frozenset(audiences))


def reach(request: Request[Any, Any, Any], services: NamedDependency[ConnectServices]) -> Reach:
    """Return where this request was sent."""
    host = request.headers.get("host", "")
    return reach_of(services, scheme=request.url.scheme, host=host)
