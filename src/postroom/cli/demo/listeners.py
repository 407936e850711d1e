"""The demo's listeners: real HTTP servers on loopback that verify every signature they get."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread

import msgspec

from postroom import signature
from postroom.cli.demo import story
from postroom.model import Noun

_LONGEST_BODY = 1 << 20


class Arrival(Noun, frozen=True, kw_only=True):
    """One request as a listener got it."""

    listener: str
    envelope_id: str
    event: str
    event_id: str
    """The `webhook-id` header: the same through retries."""
    status: int
    """What the listener answered."""
    is_genuine: bool
    """Whether both signatures, Docusign's and Standard Webhooks', were right."""

    @property
    def was_taken(self) -> bool:
        """Whether the listener answered that it has it."""
        return self.status == HTTPStatus.OK


class _Ids(msgspec.Struct):
    envelope_id: str = msgspec.field(name="envelopeId")


class _Message(msgspec.Struct):
    event: str
    data: _Ids


class Listener:
    """One integration: an address, a key, and what it got."""

    def __init__(self, name: str, *, key: str, failures: int) -> None:
        self.name = name
        self._key = key
        self._failures_left = failures
        self._arrivals: list[Arrival] = []
        self._lock = Lock()

    def arrivals(self) -> Sequence[Arrival]:
        """Return everything it got so far, in order."""
        with self._lock:
            return tuple(self._arrivals)

    def receive(self, headers: Mapping[str, str], body: bytes) -> HTTPStatus:
        """Verify and note one request; return the status to answer."""
        message = msgspec.json.decode(body, type=_Message)
        is_genuine = is_signed(self._key, headers, body)
        with self._lock:
            is_failing = self._failures_left > 0
            self._failures_left -= is_failing
            status = _answer(is_failing=is_failing, is_genuine=is_genuine)
            self._arrivals.append(
                Arrival(
                    listener=self.name,
                    envelope_id=message.data.envelope_id,
                    event=message.event,
                    event_id=headers.get("webhook-id", ""),
                    status=status,
                    is_genuine=is_genuine,
                )
            )
        return status


def _answer(*, is_failing: bool, is_genuine: bool) -> HTTPStatus:
    if is_failing:
        return HTTPStatus.SERVICE_UNAVAILABLE
    return HTTPStatus.OK if is_genuine else HTTPStatus.UNAUTHORIZED


def is_signed(key: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Return whether a request carries Docusign's and Standard Webhooks' signature by `key`.

    The names of `headers` are in lower case.
    """
    by_docusign = signature.verify_docusign(
        [key], [headers.get("x-docusign-signature-1", "")], body
    )
    by_standard = signature.verify_standard_webhooks(
        [key],
        message_id=headers.get("webhook-id", ""),
        timestamp=headers.get("webhook-timestamp", ""),
        signatures=headers.get("webhook-signature", ""),
        body=body,
        now=time.time(),
    )
    return by_docusign is not None and by_standard


@contextmanager
def serving(keys: Mapping[str, str]) -> Iterator[dict[str, tuple[Listener, str]]]:
    """Serve every listener of the story while the block runs; yield each with its URL.

    `keys` maps account ids to the key its listeners verify with.
    """
    servers = [
        _Server(
            Listener(
                name,
                key=keys[account_id],
                failures=story.FAILURES if name == story.FLAKY else 0,
            )
        )
        for name, account_id in story.LISTENERS.items()
    ]
    threads = [Thread(target=server.serve_forever, args=(0.05,)) for server in servers]
    for thread in threads:
        thread.start()
    try:
        yield {server.listener.name: (server.listener, server.url) for server in servers}
    finally:
        for server, thread in zip(servers, threads, strict=True):
            server.shutdown()
            server.server_close()
            thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        super().__init__(("127.0.0.1", 0), _Answering)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{self.listener.name}"


class _Answering(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", "0"))
        body = self.rfile.read(min(length, _LONGEST_BODY))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.send_response(self.server.listener.receive(headers, body))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # http.server's name
        """Keep quiet: the table at the end is the log."""
