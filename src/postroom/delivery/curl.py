"""The sender: libcurl's multi interface on the event loop (decision 0002).

libcurl does the HTTP; this file connects its sockets and its timer to asyncio, and makes every end
of a transfer an `Outcome`. The address checked is the address dialled: the check runs in the call
that opens the socket.
"""

import asyncio
import contextlib
import socket
import time
from collections.abc import Mapping
from typing import Any

import certifi
import pycurl

from postroom.clock import SECOND, Clock, SystemClock
from postroom.delivery import egress
from postroom.delivery.names import Names
from postroom.model import Outcome, Request

MAX_ANSWER_BYTES = 64 * 1024
MAX_HEADER_BYTES = 16 * 1024
MAX_HEADERS = 100
IDLE_HANDLES = 256

_TLS_FAILURES = (
    pycurl.E_SSL_CONNECT_ERROR,
    pycurl.E_SSL_CERTPROBLEM,
    pycurl.E_SSL_CIPHER,
    pycurl.E_PEER_FAILED_VERIFICATION,
    pycurl.E_SSL_CACERT_BADFILE,
    pycurl.E_SSL_ISSUER_ERROR,
    pycurl.E_SSL_ENGINE_INITFAILED,
    pycurl.E_USE_SSL_FAILED,
)
_FAILURES: Mapping[int, str] = {
    pycurl.E_OPERATION_TIMEDOUT: "timeout",
    pycurl.E_COULDNT_CONNECT: "connect",
    pycurl.E_COULDNT_RESOLVE_HOST: "dns",
    pycurl.E_URL_MALFORMAT: "bad-url",
    pycurl.E_UNSUPPORTED_PROTOCOL: "bad-url",
    **dict.fromkeys(_TLS_FAILURES, "tls"),
}
_TIMED_OUT = "no answer within the listener's timeout"


class _Transfer:
    """One handle and the request it is busy with. Handles are reused, so options stay set."""

    def __init__(self, *, checks_addresses: bool, ca_file: str) -> None:
        self.curl = pycurl.Curl()
        self.ended: asyncio.Future[tuple[int, str]]
        self.answer = bytearray()
        self.header_lines: list[bytes] = []
        self.is_full = False
        self.was_refused = False
        curl = self.curl
        curl.setopt(pycurl.POST, 1)
        curl.setopt(pycurl.NOSIGNAL, 1)
        curl.setopt(pycurl.FOLLOWLOCATION, 0)
        curl.setopt(pycurl.PROXY, "")
        curl.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_2TLS)
        curl.setopt(pycurl.CAINFO, ca_file)
        curl.setopt(pycurl.WRITEFUNCTION, self._write)
        # libcurl itself ends a transfer whose headers exceed 300 KiB.
        curl.setopt(pycurl.HEADERFUNCTION, self.header_lines.append)
        if checks_addresses:
            curl.setopt(pycurl.OPENSOCKETFUNCTION, self._open)

    def begin(self, request: Request, resolve: tuple[str, ...]) -> None:
        """Set what differs from request to request.

        Raises `ValueError` or `pycurl.error` for what cannot be put in a request.
        """
        self.ended = asyncio.get_running_loop().create_future()
        self.is_full = self.was_refused = False
        curl = self.curl
        curl.setopt(pycurl.URL, request.url)
        curl.setopt(pycurl.RESOLVE, resolve)
        curl.setopt(
            pycurl.HTTPHEADER,
            [f"{name}: {value}" for name, value in request.headers] + ["Expect:", "Accept: */*"],
        )
        curl.setopt(pycurl.POSTFIELDS, request.body)
        curl.setopt(pycurl.TIMEOUT_MS, max(1, round(request.timeout_seconds * 1000)))
        connect_ms = max(1, round(request.connect_timeout_seconds * 1000))
        curl.setopt(pycurl.CONNECTTIMEOUT_MS, connect_ms)

    def forget(self) -> None:
        """Let go of the bodies: an idle handle holds none of them in memory."""
        self.curl.setopt(pycurl.POSTFIELDS, b"")
        self.answer.clear()
        self.header_lines.clear()

    def headers(self) -> tuple[tuple[str, str], ...]:
        """Return the headers of the last answer, in number and size bounded."""
        found: list[tuple[str, str]] = []
        size = 0
        for line in self.header_lines:
            if line.startswith(b"HTTP/"):
                found.clear()  # an interim answer came before
                continue
            size += len(line)
            name, colon, value = line.decode("latin-1").partition(":")
            if colon and len(found) < MAX_HEADERS and size <= MAX_HEADER_BYTES:
                found.append((name.strip(), value.strip()))
        return tuple(found)

    def _write(self, part: bytes) -> int:
        """Keep the first bytes of the answer; -1 ends a transfer whose answer is longer."""
        room = MAX_ANSWER_BYTES - len(self.answer)
        self.answer += part[:room]
        if len(part) > room:
            self.is_full = True
            return -1
        return len(part)

    def _open(self, _purpose: int, dialled: tuple[int, int, int, tuple[object, ...]]) -> object:
        """Open the socket only if its very address is allowed."""
        family, kind, protocol, address = dialled
        if not egress.is_allowed(str(address[0]), allow_private=False):
            self.was_refused = True
            return pycurl.SOCKET_BAD
        try:
            opened = socket.socket(family, kind, protocol)
        except OSError:  # no IPv6 here, or no descriptor left: libcurl tries the next address
            return pycurl.SOCKET_BAD
        # pycurl duplicates the descriptor once this returns; ours is closed right after.
        asyncio.get_running_loop().call_soon(opened.close)
        return opened


class CurlSender:
    """Sends through one multi handle: connections are kept and shared by host."""

    def __init__(
        self,
        *,
        allow_private_addresses: bool,
        clock: Clock,
        max_connections: int = 1000,
        ca_file: str | None = None,
        names: Names | None = None,
    ) -> None:
        self._clock = clock
        self._is_virtual = not isinstance(clock, SystemClock)
        self._checks_addresses = not allow_private_addresses
        self._ca_file = ca_file or certifi.where()
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._set_timer)
        self._multi.setopt(pycurl.M_MAXCONNECTS, max_connections)
        self._names = names or Names()
        self._idle: list[_Transfer] = []
        self._busy: dict[pycurl.Curl, _Transfer] = {}
        self._watched: dict[int, int] = {}
        """What each socket is watched for, as libcurl's POLL bits."""
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._wanted_at: float | None = None
        """When libcurl wants to be called, by the loop's time."""

    async def send(self, request: Request) -> Outcome:
        """POST one request and return what the wire did; see the port."""
        started_at, began = self._clock.now(), time.perf_counter_ns()
        found = await self._names.find(
            request.url,
            patience_seconds=min(request.connect_timeout_seconds, request.timeout_seconds),
        )
        if found.failure is not None:
            return _failed(found.failure, found.detail, started_at, began)
        transfer = self._idle.pop() if self._idle else self._make()
        try:
            transfer.begin(request, found.resolve)
        except (ValueError, pycurl.error):
            self._rest(transfer)
            return _failed("bad-url", "the URL or a header cannot be sent", started_at, began)
        try:
            self._busy[transfer.curl] = transfer
            self._multi.add_handle(transfer.curl)
            code, text = await self._end(transfer, request, started_at)
            return _outcome(transfer, code, text, started_at, began)
        finally:
            if self._busy.pop(transfer.curl, None) is not None:  # cancelled, or out of time
                self._multi.remove_handle(transfer.curl)
            self._rest(transfer)

    async def close(self) -> None:
        """End all transfers and give back every connection."""
        for curl in list(self._busy):
            self._ended(curl, pycurl.E_ABORTED_BY_CALLBACK, "the sender was closed")
        for transfer in self._idle:
            transfer.curl.close()
        self._idle.clear()
        if self._timer is not None:
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        for fd in self._watched:
            loop.remove_reader(fd)
            loop.remove_writer(fd)
        self._watched.clear()
        self._multi.close()

    async def _end(self, transfer: _Transfer, request: Request, started_at: int) -> tuple[int, str]:
        """Wait for the end; under a virtual clock, for the deadline by that clock as well."""
        if not self._is_virtual:
            return await transfer.ended
        deadline = asyncio.ensure_future(
            self._clock.sleep_until(started_at + round(request.timeout_seconds * SECOND))
        )
        try:
            either: set[asyncio.Future[Any]] = {transfer.ended, deadline}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            deadline.cancel()
        if transfer.ended.done():
            return transfer.ended.result()
        return pycurl.E_OPERATION_TIMEDOUT, _TIMED_OUT

    def _make(self) -> _Transfer:
        return _Transfer(checks_addresses=self._checks_addresses, ca_file=self._ca_file)

    def _rest(self, transfer: _Transfer) -> None:
        if len(self._idle) < IDLE_HANDLES and not self._multi.closed:
            transfer.forget()
            self._idle.append(transfer)
        else:
            transfer.curl.close()

    # --- libcurl's sockets and timer on the event loop -----------------------------------------

    def _watch(self, what: int, fd: int, _multi: pycurl.CurlMulti, _own: object) -> None:
        """Watch a socket for what libcurl waits for; only what differs is changed."""
        loop = asyncio.get_running_loop()
        before = self._watched.pop(fd, 0)
        wanted = 0 if what == pycurl.POLL_REMOVE else what
        if wanted:
            self._watched[fd] = wanted
        changed = before ^ wanted
        if changed & pycurl.POLL_IN:
            if wanted & pycurl.POLL_IN:
                loop.add_reader(fd, self._act, fd, pycurl.CSELECT_IN)
            else:
                loop.remove_reader(fd)
        if changed & pycurl.POLL_OUT:
            if wanted & pycurl.POLL_OUT:
                loop.add_writer(fd, self._act, fd, pycurl.CSELECT_OUT)
            else:
                loop.remove_writer(fd)

    def _set_timer(self, milliseconds: int) -> None:
        """Remember when libcurl wants to be called; a timer that fires earlier is left to.

        libcurl moves its timer several times for every request: arming one each time costs more
        than an early call that finds nothing to do yet.
        """
        if milliseconds < 0:
            self._wanted_at = None
            return
        loop = asyncio.get_running_loop()
        self._wanted_at = loop.time() + milliseconds / 1000
        if self._timer is None or self._timer_at > self._wanted_at:
            self._arm(loop)

    def _arm(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        if self._wanted_at is not None:
            self._timer_at = self._wanted_at
            self._timer = loop.call_at(self._timer_at, self._time_is_up)

    def _time_is_up(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = None
        if self._wanted_at is not None and self._wanted_at <= loop.time():
            self._wanted_at = None
            self._act(pycurl.SOCKET_TIMEOUT, 0)
        if self._timer is None:
            self._arm(loop)

    def _act(self, fd: int, events: int) -> None:
        """Let libcurl do what it can now, and wake whoever waits for a transfer that ended."""
        self._multi.socket_action(fd, events)
        while True:
            queued, well, ill = self._multi.info_read()
            for curl in well:
                self._ended(curl, pycurl.E_OK, "")
            for curl, code, text in ill:
                self._ended(curl, code, text)
            if queued == 0:
                return

    def _ended(self, curl: pycurl.Curl, code: int, text: str) -> None:
        self._multi.remove_handle(curl)
        transfer = self._busy.pop(curl)
        with contextlib.suppress(asyncio.InvalidStateError):  # cancelled in the same moment
            transfer.ended.set_result((code, text))


def _outcome(transfer: _Transfer, code: int, text: str, started_at: int, began: int) -> Outcome:
    status = int(transfer.curl.getinfo(pycurl.RESPONSE_CODE))
    has_answer = code == pycurl.E_OK or (code == pycurl.E_WRITE_ERROR and transfer.is_full)
    if has_answer and status:
        return Outcome(
            status=status,
            response_headers=transfer.headers(),
            response_body=bytes(transfer.answer),
            started_at=started_at,
            duration_us=_since(began),
        )
    if transfer.was_refused and code == pycurl.E_COULDNT_CONNECT:
        failure, detail = "refused-address", "the host's address is private or special"
    elif code == pycurl.E_OPERATION_TIMEDOUT:
        failure, detail = "timeout", text or _TIMED_OUT
    elif code == pycurl.E_UNSUPPORTED_PROTOCOL and transfer.curl.getinfo(pycurl.PRIMARY_IP):
        failure, detail = "protocol", "the answer is not HTTP"
    else:
        failure, detail = _FAILURES.get(code, "protocol"), text
    return _failed(failure, detail, started_at, began)


def _failed(failure: str, detail: str, started_at: int, began: int) -> Outcome:
    return Outcome(
        failure=failure, detail=detail[:200], started_at=started_at, duration_us=_since(began)
    )


def _since(began: int) -> int:
    return (time.perf_counter_ns() - began) // 1000
