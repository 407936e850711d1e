"""The recorder: a real HTTP server on loopback that plays every listener and keeps what it gets.

Each listener is a path. Without a script it answers 200; `say` makes it answer otherwise, for
some envelopes or for some time. It also plays the REST endpoint that enrichment asks.
"""

import json
import select
import socket
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from tests.acceptance.cast import envelope_id

Arrival = tuple[str, str, str | None, str]
"""(listener, envelope id, recipient id, event)."""


@dataclass(frozen=True, kw_only=True)
class Received:
    """One request as it came in, and how it was answered."""

    listener: str
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes
    status: int | None
    """What it was answered; None for a hang or a dropped connection."""

    @property
    def message(self) -> Any:
        return json.loads(self.body)

    @property
    def arrival(self) -> Arrival:
        inner = self.message["data"]
        return (
            self.listener,
            inner["envelopeId"],
            inner.get("recipientId"),
            self.message["event"],
        )

    @property
    def is_delivery(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


@dataclass(kw_only=True)
class Rule:
    """What a listener answers, and when."""

    status: int = 200
    body: bytes = b""
    hang: bool = False
    drop: bool = False
    envelopes: frozenset[str] | None = None
    times: int | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def applies(self, body: bytes) -> bool:
        """Whether this rule answers, using up one of its times."""
        if self.times == 0:
            return False
        if self.envelopes is not None and not any(e.encode() in body for e in self.envelopes):
            return False
        if self.times is not None:
            self.times -= 1
        return True


class Recorder:
    """Every listener of a scenario."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.rest_envelopes: dict[str, Any] = {}
        """What the REST API knows of an envelope, by its id."""
        self.rest_requests: list[tuple[str, str | None]] = []
        """(path with query, Authorization) of each REST request."""
        self.hanging = 0
        """How many requests are kept waiting now."""
        self._rules: dict[str, list[Rule]] = {}
        self._lock = threading.Lock()
        self._healed: dict[str, threading.Event] = {}
        """Set when a listener is healed, to let go of what hangs there."""
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def url(self, listener: str) -> str:
        """Return the URL of a listener."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/{listener}"

    def say(self, listener: str, *, envelopes: Iterable[int] | None = None, **rule: Any) -> None:
        """Script a listener: `status`, `hang`, `drop`, `body`; for some envelopes; `times`."""
        chosen = None if envelopes is None else frozenset(map(envelope_id, envelopes))
        with self._lock:
            self._rules.setdefault(listener, []).insert(0, Rule(envelopes=chosen, **rule))

    def heal(self, listener: str) -> None:
        """Let a listener answer 200 again, and let go of every hanging request."""
        with self._lock:
            self._rules.pop(listener, None)
            self._healed.pop(listener, threading.Event()).set()

    def close(self) -> None:
        """Stop serving."""
        for listener in list(self._healed):
            self.heal(listener)
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def deliveries(self, listener: str | None = None) -> list[Received]:
        """Return what was answered 2xx, in order of arrival."""
        return [
            one for one in self.received if one.is_delivery and listener in {None, one.listener}
        ]

    def received_by(self, listener: str) -> list[Received]:
        """Return every request to a listener, however it was answered."""
        return [one for one in self.received if one.listener == listener]

    def distinct(self, listener: str) -> list[Received]:
        """Return what a listener that remembers ids takes in: the first delivery of each id."""
        first: dict[str, Received] = {}
        for one in self.deliveries(listener):
            first.setdefault(one.headers["webhook-id"], one)
        return list(first.values())

    def arrivals(self) -> Counter[Arrival]:
        """Return the multiset of what was delivered (invariant I2)."""
        return Counter(one.arrival for one in self.deliveries())

    def totals(self) -> dict[str, int]:
        """Return how much was delivered to each listener."""
        return dict(Counter(one.listener for one in self.deliveries()))

    # called by the server's threads

    def answer(
        self, listener: str, headers: dict[str, str], body: bytes, has_left: Callable[[], bool]
    ) -> Rule | None:
        """Decide and keep, and hang where told to; None means to drop the connection.

        A hang ends when the listener is healed or the sender `has_left`.
        """
        with self._lock:
            rules = self._rules.get(listener, [])
            rule = next((rule for rule in rules if rule.applies(body)), Rule())
            is_silent = rule.hang or rule.drop
            status = None if is_silent else rule.status
            self.received.append(
                Received(listener=listener, headers=headers, body=body, status=status)
            )
            self.hanging += rule.hang
            healed = self._healed.setdefault(listener, threading.Event())
        if rule.hang:
            while not healed.wait(0.01) and not has_left():
                pass
            with self._lock:
                self.hanging -= 1
        return None if is_silent else rule

    def rest(self, target: str, authorization: str | None) -> tuple[int, bytes]:
        """Answer a GET of the eSignature REST API."""
        with self._lock:
            self.rest_requests.append((target, authorization))
        known = self.rest_envelopes.get(urlsplit(target).path.rpartition("/")[2])
        if known is None:
            return 404, b'{"errorCode":"ENVELOPE_DOES_NOT_EXIST","message":"No such envelope."}'
        return 200, json.dumps(known).encode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Expect senders to be killed, and nothing else."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        super().__init__(("127.0.0.1", 0), _Answering)


class _Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # one write for head and body: two would wait for a delayed acknowledgement
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        recorder = self.server.recorder
        rule = recorder.answer(self.path.strip("/"), headers, body, self._sender_has_left)
        if rule is None:
            self.close_connection = True
            return
        self._write(rule.status, rule.body, list(rule.headers.items()))

    def _sender_has_left(self) -> bool:
        readable, _, _ = select.select([self.connection], [], [], 0)
        return bool(readable) and not self.connection.recv(1, socket.MSG_PEEK)

    def do_GET(self) -> None:
        status, body = self.server.recorder.rest(self.path, self.headers.get("Authorization"))
        self._write(status, body, [("Content-Type", "application/json")])

    def _write(self, status: int, body: bytes, headers: Sequence[tuple[str, str]]) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
        """Keep quiet: the recording is the log."""
