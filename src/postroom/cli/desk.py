"""The seam under every command: the API's routes, called in this process or over HTTP.

A command asks for a route; whether the answer comes from a server or from the database file is
decided once, in `cli.seat`. So a command's body exists once, and `--json` is the API's JSON.
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import quote, urlencode

import msgspec

from postroom.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    PostroomError,
    UnavailableError,
)
from postroom.model import Json, Noun

NDJSON = "application/x-ndjson"
Value = str | int | float | bool | None
Query = Mapping[str, Value | tuple[str, ...]]


class Call(Noun, frozen=True, kw_only=True):
    """One request to the API."""

    method: str
    path: str
    """With its prefix, percent-encoded."""
    query: str
    body: bytes
    accept: str


class _Complaint(Noun, frozen=True, kw_only=True):
    path: tuple[str | int, ...] = ()
    message: str = ""


class _Said(Noun, frozen=True, kw_only=True):
    """What is read of a problem (RFC 9457)."""

    detail: str = ""
    problems: tuple[_Complaint, ...] = ()


class Line(Protocol):
    """An ASGI-like or HTTP way to make a call."""

    async def __call__(self, call: Call, take: Callable[[bytes], None]) -> int:
        """Make the call, hand over the body as it comes, and return the status."""
        ...


class RefusedError(InvalidInputError):
    """The API refused what was sent; `places` has each problem's place in it."""

    def __init__(self, text: str, places: tuple[tuple[tuple[str | int, ...], str], ...]) -> None:
        super().__init__(text)
        self.places = places


class Desk:
    """The API as commands use it. Every verb raises the errors of `postroom.errors`."""

    def __init__(self, line: Line) -> None:
        self._line = line

    async def get(self, path: str, **query: Value | tuple[str, ...]) -> Json:
        """Return what a GET answers."""
        return await self._ask("GET", path, query, None)

    async def post(self, path: str, body: Json = None, **query: Value | tuple[str, ...]) -> Json:
        """Return what a POST answers."""
        return await self._ask("POST", path, query, body)

    async def delete(self, path: str, **query: Value | tuple[str, ...]) -> Json:
        """Return what a DELETE answers."""
        return await self._ask("DELETE", path, query, None)

    async def follow(self, path: str, body: Json, told: Callable[[Json], None]) -> Json:
        """Return what long work answers at its end; `told` hears how far it is."""
        lines = _Lines()

        def take(chunk: bytes) -> None:
            for line in lines.take(chunk):
                if "progress" in line:
                    told(line["progress"])
                else:
                    ends.append(line)

        ends: list[Json] = []
        status = await self._line(_call("POST", path, {}, body, NDJSON), take)
        if status >= HTTPStatus.BAD_REQUEST:
            raise _error(status, lines.rest())
        if not ends:
            raise UnavailableError("the answer broke off; ask again to see what was done")
        if "problem" in ends[-1]:
            about = ends[-1]["problem"]
            raise _error(about["status"], msgspec.json.encode(about))
        return ends[-1]["result"]

    async def _ask(self, method: str, path: str, query: Query, body: Json) -> Json:
        parts: list[bytes] = []
        call = _call(method, path, query, body, "application/json")
        status = await self._line(call, parts.append)
        answer = b"".join(parts)
        if status >= HTTPStatus.BAD_REQUEST:
            raise _error(status, answer)
        try:
            return msgspec.json.decode(answer) if answer else None
        except msgspec.DecodeError:
            raise _not_ours() from None


class _Lines:
    """Cuts a body that comes in pieces into JSON lines; what is no JSON is kept as it is."""

    def __init__(self) -> None:
        self._rest = b""

    def take(self, chunk: bytes) -> list[dict[str, Any]]:
        *whole, self._rest = (self._rest + chunk).split(b"\n")
        try:
            return [msgspec.json.decode(line, type=dict[str, Any]) for line in whole if line]
        except msgspec.DecodeError:
            raise _not_ours() from None

    def rest(self) -> bytes:
        return self._rest


def part(text: str | int) -> str:
    """Return a piece of a path, safe to put between slashes.

    Raises `InvalidInputError` for what no id or name is, and would lead to another route.
    """
    piece = str(text)
    if piece in {"", ".", ".."} or "/" in piece:
        raise InvalidInputError(f"{piece[:40]!r} is no id and no name; copy one from a list")
    return quote(piece, safe="")


def _call(method: str, path: str, query: Query, body: Json, accept: str) -> Call:
    return Call(
        method=method,
        path=f"/api/v1{path}",
        query=urlencode([pair for name in query for pair in _pairs(name, query[name])]),
        body=b"" if body is None else msgspec.json.encode(body),
        accept=accept,
    )


def _pairs(name: str, value: Value | tuple[str, ...]) -> list[tuple[str, str]]:
    if value is None:
        return []
    if isinstance(value, bool):
        return [(name, "true" if value else "false")]
    values = value if isinstance(value, tuple) else (value,)
    return [(name, str(one)) for one in values]


def _error(status: int, answer: bytes) -> PostroomError:
    try:
        said = msgspec.json.decode(answer, type=_Said)
    except msgspec.DecodeError:
        said = _Said()
    text = said.detail or f"the server answered {status}"
    if status == HTTPStatus.NOT_FOUND:
        return NotFoundError(text)
    if status == HTTPStatus.CONFLICT:
        return ConflictError(text)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return UnavailableError(text)
    return RefusedError(text, tuple((one.path, one.message) for one in said.problems))


def _not_ours() -> UnavailableError:
    return UnavailableError("the answer is not from a Postroom API; check --server")
