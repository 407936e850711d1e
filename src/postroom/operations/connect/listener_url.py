"""Where a configuration may publish to: https, at the ports Docusign dials (contract 4)."""

import ipaddress
from urllib.parse import urlsplit

from postroom.delivery import egress
from postroom.errors import DocusignError
from postroom.operations.connect.limits import ConnectLimits


def check(
    url: str, *, allow_http_loopback: bool, allow_private_addresses: bool, limits: ConnectLimits
) -> None:
    """Raise `DocusignError` for a URL that Docusign, or this server, would not publish to.

    With `allow_http_loopback` the machine itself may be reached by http, and at any port.
    """
    if not url:
        raise refusal("Give the URL to publish to.")
    if len(url.encode("utf-8", "replace")) > limits.max_url_bytes:
        raise refusal(f"The URL is longer than {limits.max_url_bytes} bytes.")
    is_excepted = allow_http_loopback and _is_loopback(url)
    complaint = egress.check_url(url, allow_private=allow_private_addresses or is_excepted)
    if url.lower().startswith("http:") and not is_excepted:
        raise DocusignError(
            "HTTPS_REQUIRED_FOR_CONNECT_LISTENER",
            "HTTPS required for Connect listener communication.",
        )
    if complaint is not None:
        raise refusal(f"{complaint[0].upper()}{complaint[1:]}.")
    port = urlsplit(url).port
    if port is not None and port not in limits.https_ports and not is_excepted:
        ports = ", ".join(map(str, limits.https_ports))
        raise refusal(f"Connect does not publish to port {port}; use one of {ports}.")


def refusal(sentence: str) -> DocusignError:
    """Return the error for a configuration that cannot be used as it is."""
    return DocusignError("INVALID_REQUEST_PARAMETER", sentence)


def _is_loopback(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
