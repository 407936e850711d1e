"""Where we may send: URLs as they are saved, addresses as they are dialled."""

import ipaddress
from urllib.parse import urlsplit

MAX_URL_BYTES = 4096
"""The length Docusign allows a listener URL (contract 1.1)."""

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
"""All that IANA has given out for public use; NAT64 of one's own, site-local and the
IPv4-compatible addresses of old lie outside, and Python takes some of them for global."""
_CARRIER_GRADE_NAT = ipaddress.IPv4Network("100.64.0.0/10")


def check_url(url: str, *, allow_private: bool) -> str | None:
    """Return what is wrong with a listener's URL and what to do, or None.

    Names are not resolved here: the address is checked when it is dialled.
    """
    if len(url.encode("utf-8", "replace")) > MAX_URL_BYTES:
        return f"the URL is longer than {MAX_URL_BYTES} bytes"
    if not url.isascii() or not url.isprintable() or " " in url:
        return "the URL has characters that must be percent-encoded"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "the URL cannot be read; write it as https://host/path"
    if parts.scheme not in {"http", "https"} or not host:
        return "the URL must start with https:// or http:// and name a host"
    if parts.username is not None or parts.password is not None:
        return "the URL holds credentials, which lists would show; use signing keys instead"
    if port == 0:
        return "port 0 cannot be dialled"
    if not allow_private and not _may_be_public(host):
        return (
            f"{host} is a private or special address;"
            " start the server with --allow-private-addresses to deliver there"
        )
    return None


def is_allowed(address: str, *, allow_private: bool) -> bool:
    """Tell whether an IP address may be dialled; what is no address may not."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return allow_private or _is_public(parsed)


def _is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        inner = _embedded(address)
        if inner is not None:
            return _is_public(inner)
        if address not in _GLOBAL_UNICAST:
            return False
    elif address in _CARRIER_GRADE_NAT:
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved)


def _embedded(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address that an IPv6 one stands for, by any of the ways there are."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def _may_be_public(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return False
    try:
        return _is_public(ipaddress.ip_address(host))
    except ValueError:
        return True  # a name: decided when it is dialled
