"""Every error as problem details (RFC 9457), without a word about our inside."""

import traceback
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException

from postroom import observe
from postroom.errors import (
    ConflictError,
    DocusignError,
    InvalidInputError,
    NotFoundError,
    PostroomError,
    UnavailableError,
)
from postroom.model import Json, Noun

PROBLEM_JSON = "application/problem+json"
_STATUS: Mapping[type[PostroomError], HTTPStatus] = {
    InvalidInputError: HTTPStatus.UNPROCESSABLE_ENTITY,
    NotFoundError: HTTPStatus.NOT_FOUND,
    ConflictError: HTTPStatus.CONFLICT,
    UnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
}

_SAID = {
    HTTPStatus.NOT_FOUND: "no such route; /api/v1/openapi.json lists them all",
    HTTPStatus.METHOD_NOT_ALLOWED: "this route takes another method; see /api/v1/openapi.json",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "the body is larger than 2 MiB",
}


class Complaint(Noun, frozen=True, kw_only=True):
    """One thing wrong with what was sent, and where."""

    path: tuple[str | int, ...]
    message: str


class Problem(Noun, frozen=True, kw_only=True, omit_defaults=True):
    """Problem details (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    problems: tuple[Complaint, ...] = ()


def problem(
    status: HTTPStatus,
    detail: str,
    *,
    problems: tuple[Complaint, ...] = (),
    headers: Mapping[str, str] | None = None,
) -> Response[Problem]:
    """Return an answer that carries a problem."""
    said = _problem(status, detail, problems)
    return Response(said, status_code=status, media_type=PROBLEM_JSON, headers=headers)


def about(error: PostroomError) -> Problem:
    """Return the problem that an error is."""
    kinds = (_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS)
    complaints = tuple(
        Complaint(path=tuple(one.path), message=one.message)
        for one in getattr(error, "problems", ())
    )
    detail = f"{len(complaints)} problems, each with its place" if complaints else str(error)
    status = next(kinds, HTTPStatus.UNPROCESSABLE_ENTITY)
    if isinstance(error, DocusignError):
        detail = f"{error.code}: {error}"
        # Of the statuses of Docusign's own API the others mean, here, that the input is refused.
        status = HTTPStatus.NOT_FOUND if error.status == HTTPStatus.NOT_FOUND else status
    return _problem(status, detail, complaints)


def expected(_request: Request[Any, Any, Any], error: PostroomError) -> Response[Problem]:
    """Answer an error that a person can put right."""
    said = about(error)
    headers = {"Retry-After": "5"} if said.status == HTTPStatus.SERVICE_UNAVAILABLE else None
    return Response(said, status_code=said.status, media_type=PROBLEM_JSON, headers=headers)


def refused(_request: Request[Any, Any, Any], error: HTTPException) -> Response[Problem]:
    """Answer what the framework itself refused: no such route, a bad parameter, a large body."""
    status = HTTPStatus(error.status_code)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return unexpected(_request, error)
    if isinstance(error, ValidationException):
        complaints = tuple(_complaints(error.extra))
        detail = "the request cannot be used as it is" if complaints else error.detail
        return problem(status, detail, problems=complaints)
    headers = {name.title(): text for name, text in (error.headers or {}).items()}
    detail = _SAID.get(status, error.detail or status.phrase)
    return problem(status, detail, headers=headers)


def unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    """Answer our own fault; the log has the rest."""
    # As text of our own making: a log's own way to show an error may show variables, and tokens.
    trace = "".join(traceback.format_exception(error))
    observe.log.error("a request failed", method=request.method, path=request.url.path, trace=trace)
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    return problem(status, "Postroom failed at this; its log says why")


def too_deep(_request: Request[Any, Any, Any], _error: RecursionError) -> Response[Problem]:
    """Answer a body that is nested deeper than the decoder goes."""
    return problem(HTTPStatus.BAD_REQUEST, "the body is nested too deeply")


def not_utf_8(_request: Request[Any, Any, Any], _error: UnicodeDecodeError) -> Response[Problem]:
    """Answer a body whose texts are none."""
    return problem(HTTPStatus.BAD_REQUEST, "the body is not UTF-8")


def _problem(status: HTTPStatus, detail: str, problems: tuple[Complaint, ...]) -> Problem:
    return Problem(
        type="about:blank",
        title=status.phrase,
        status=status.value,
        detail=detail,
        problems=problems,
    )


def _complaints(extra: Json) -> list[Complaint]:
    return [
        Complaint(path=tuple(str(one.get("key", "")).split(".")), message=str(one["message"]))
        for one in extra or ()
        if isinstance(one, dict) and "message" in one
    ]
