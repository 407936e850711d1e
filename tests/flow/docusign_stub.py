"""A Docusign server on loopback that answers as it is told, and remembers what it was asked."""

import json
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from tests.acceptance.cast import A1

from postroom.esign.access import Access, Grant

INTEGRATION = "1f0c1f3e-0000-4000-8000-00000000abcd"
USER = "5f0c1f3e-0000-4000-8000-000000000567"
_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PRIVATE = _KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
).decode()
PUBLIC = (
    _KEY.public_key()
    .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    .decode()
)

Said = tuple[int, Mapping[str, str], bytes]
"""Status, headers and body."""


def said(status: int, body: Any = None, **headers: str) -> Said:
    """Return an answer; header names are written with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    content = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
    return status, named, content


class Stub:
    """`token` answers /oauth/token, `rest` everything else; both may be replaced at any time."""

    def __init__(self) -> None:
        self.assertions: list[str] = []
        self.asked: list[tuple[str, dict[str, str], str]] = []
        """(path, query, Authorization) of each REST request."""
        self.token: Callable[[], Said] = lambda: said(
            200, {"access_token": f"token-{len(self.assertions)}", "expires_in": 3600}
        )
        self.rest: Callable[[str, dict[str, str]], Said] = lambda _path, _query: said(200)
        stub = self

        class Answering(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                stub.assertions.append(form["assertion"][0])
                self._write(*stub.token())

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                query = dict(parse_qsl(parts.query))
                stub.asked.append((parts.path, query, self.headers["Authorization"]))
                self._write(*stub.rest(parts.path, query))

            def _write(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                try:
                    self.wfile.write(body)
                except ConnectionError:
                    self.close_connection = True  # whoever asked has read enough

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
                """Keep quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def by_grant(self) -> Access:
        """Return the account as an integration enters it."""
        grant = Grant(integration_key=INTEGRATION, user_id=USER, oauth_base=self.url)
        return Access(account_id=A1, base_url=f"{self.url}/restapi", grant=grant, secret=PRIVATE)

    def by_token(self, token: str) -> Access:
        """Return the account as entered with a token."""
        return Access(account_id=A1, base_url=f"{self.url}/restapi", grant=None, secret=token)
