"""The front door: `POST /connect` and `/connect/{accountId}`, a plain ASGI function.

| answer | when |
|---|---|
| 200 | kept, with all it owes, on disk; or known already |
| 401 | not proved to come from the account it names; never says why |
| 404, 405 | another path, another method |
| 413 | larger than `max_body_bytes` |
| 415 | neither JSON nor XML |
| 503 | nothing can be kept now; send it again |
"""

import time
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any, Protocol

import msgspec

from postroom import observe
from postroom.errors import UnavailableError
from postroom.pipeline import Arrival, Dispatch, Road
from postroom.storage.port import Rejection

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

TAKEN_TYPES = ("application/json", "text/xml", "application/xml", "text/json")
"""XML is Docusign's older format: it tells a state, from which events are derived."""
SIGNATURE_PREFIX = b"x-docusign-signature-"
MAX_SIGNATURES = 100
"""An account has at most 100 keys, each with a header of its own (contract 4)."""
MAX_HEADER_BYTES = 1024


class Notes(Protocol):
    """Where refusals are noted for the operator."""

    def note(self, rejection: Rejection) -> None:
        """Remember a refusal."""
        ...


class Headers:
    """The request headers that matter, as far as they are there."""

    __slots__ = ("account", "algorithm", "content_type", "declared_length", "signatures")

    def __init__(self) -> None:
        self.content_type = ""
        self.account: str | None = None
        self.algorithm: str | None = None
        self.declared_length = b""
        self.signatures: dict[int, str] = {}


class FrontDoor:
    """Reads one message within bounds, sends it down the road, and answers."""

    def __init__(  # the composition root hands over each part by name
        self,
        *,
        road: Road,
        dispatch: Dispatch,
        notes: Notes,
        now: Callable[[], int],
        max_body_bytes: int,
        max_bytes_in_flight: int,
    ) -> None:
        self._road = road
        self._dispatch = dispatch
        self._notes = notes
        self._now = now
        self._max_body_bytes = max_body_bytes
        self._max_bytes_in_flight = max_bytes_in_flight
        self._bytes_in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request as an ASGI application."""
        path: str = scope["path"]
        account = path.removeprefix("/connect").strip("/") or None
        if account is not None and "/" in account:
            await _answer(send, HTTPStatus.NOT_FOUND, "post to /connect or /connect/{accountId}")
            return
        if scope["method"] != "POST":
            await _answer(send, HTTPStatus.METHOD_NOT_ALLOWED, "use POST", allow=True)
            return
        arrival = await self._receive(scope, receive, account)
        if isinstance(arrival, HTTPStatus):
            await self._refuse(scope, arrival, send)
            return
        started = time.perf_counter()
        try:
            result = await self._road.accept(arrival, self._dispatch)
        except UnavailableError as problem:
            observe.log.error("nothing can be kept now", reason=str(problem))
            observe.REFUSED.labels("503").inc()
            await _answer(send, HTTPStatus.SERVICE_UNAVAILABLE, "cannot keep it now; send it again")
            return
        finally:
            self._bytes_in_flight -= len(arrival.body)
        if isinstance(result, Rejection):
            self._notes.note(result)
            observe.REFUSED.labels("401").inc()
            await _answer(send, HTTPStatus.UNAUTHORIZED, "not accepted")
            return
        observe.ACCEPT_SECONDS.observe(time.perf_counter() - started)
        await _answer_taken(send, result.notification_id)

    async def _receive(
        self, scope: Scope, receive: Receive, account: str | None
    ) -> Arrival | HTTPStatus:
        """Read the headers that matter and the body, or return why it is not read."""
        headers = _headers(scope)
        if headers.content_type.partition(";")[0].strip().lower() not in TAKEN_TYPES:
            return HTTPStatus.UNSUPPORTED_MEDIA_TYPE
        body = await self._read_body(receive, headers.declared_length)
        if isinstance(body, HTTPStatus):
            return body
        return Arrival(
            body=body,
            content_type=headers.content_type,
            path_account=account,
            header_account=headers.account,
            algorithm=headers.algorithm,
            signatures=tuple(headers.signatures[n] for n in sorted(headers.signatures)),
            remote=_remote(scope),
        )

    async def _read_body(self, receive: Receive, declared: bytes) -> bytes | HTTPStatus:
        """Read the body within its own bound and the bound on all that are being taken in.

        What is returned stays counted in flight until the request is answered.
        """
        if declared.isdigit() and int(declared[:20]) > self._max_body_bytes:
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        parts: list[bytes] = []
        size = 0
        refusal: HTTPStatus | None = None
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                refusal = HTTPStatus.BAD_REQUEST
                break
            part: bytes = message.get("body", b"")
            size += len(part)
            self._bytes_in_flight += len(part)
            parts.append(part)
            if size > self._max_body_bytes:
                refusal = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
                break
            if self._bytes_in_flight > self._max_bytes_in_flight:
                refusal = HTTPStatus.SERVICE_UNAVAILABLE
                break
            if not message.get("more_body", False):
                break
        if refusal is not None:
            self._bytes_in_flight -= size
            return refusal
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def _refuse(self, scope: Scope, status: HTTPStatus, send: Send) -> None:
        text = {
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "send application/json",
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE: f"at most {self._max_body_bytes} bytes",
            HTTPStatus.SERVICE_UNAVAILABLE: "too much at once; send it again",
            HTTPStatus.BAD_REQUEST: "the message broke off",
        }[status]
        observe.REFUSED.labels(str(status.value)).inc()
        self._notes.note(
            Rejection(
                at=self._now(), account_id=None, remote=_remote(scope), reason=text, hint=None
            )
        )
        await _answer(send, status, text)


def _headers(scope: Scope) -> Headers:
    """Read what matters; a longer value than any of ours is as good as absent."""
    headers = Headers()
    for name, value in scope["headers"]:
        if len(value) > MAX_HEADER_BYTES:
            continue
        if name.startswith(SIGNATURE_PREFIX):
            number = name[len(SIGNATURE_PREFIX) :]
            if number.isdigit() and int(number[:4]) <= MAX_SIGNATURES:
                headers.signatures[int(number)] = value.decode("latin-1")
        elif name == b"content-type":
            headers.content_type = value.decode("latin-1")
        elif name == b"x-authorization-digest":
            headers.algorithm = value.decode("latin-1")
        elif name == b"x-docusign-accountid":
            headers.account = value.decode("latin-1")
        elif name == b"content-length":
            headers.declared_length = value
    return headers


def _remote(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else "unknown"


async def _answer_taken(send: Send, notification_id: str) -> None:
    body = b'{"notification":"' + notification_id.encode() + b'"}'
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
            ],
        }
    )
    await send({"type": "http.response.body", "body": body})


async def _answer(send: Send, status: HTTPStatus, text: str, *, allow: bool = False) -> None:
    """Answer with a problem (RFC 9457); the connection closes if a body may be unread."""
    body = msgspec.json.encode({"title": status.phrase, "status": status.value, "detail": text})
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body)).encode()),
    ]
    if allow:
        headers.append((b"allow", b"POST"))
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        headers.append((b"retry-after", b"5"))
    if status in {HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNSUPPORTED_MEDIA_TYPE}:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status.value, "headers": headers})
    await send({"type": "http.response.body", "body": body})
