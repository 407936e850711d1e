"""Answers as Docusign gives them: compact JSON, errors by code, a trace token on each."""

import traceback
import uuid
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException

from postroom import observe
from postroom.errors import (
    ConflictError,
    DocusignError,
    InvalidInputError,
    NotFoundError,
    PostroomError,
    UnavailableError,
)
from postroom.model import Json
from postroom.web.asgi import Application
from postroom.web.front_door import Message, Receive, Scope, Send

JSON_TYPE = "application/json; charset=utf-8"
TRACE_HEADER = b"x-docusign-tracetoken"
RETRY_AFTER_SECONDS = "5"

_EXPECTED: Mapping[type[PostroomError], tuple[HTTPStatus, str]] = {
    InvalidInputError: (HTTPStatus.BAD_REQUEST, "INVALID_REQUEST_PARAMETER"),
    NotFoundError: (HTTPStatus.NOT_FOUND, "RESOURCE_NOT_FOUND"),
    ConflictError: (HTTPStatus.CONFLICT, "CONFLICT"),
    UnavailableError: (HTTPStatus.SERVICE_UNAVAILABLE, "SERVICE_UNAVAILABLE"),
}

_REFUSED: Mapping[int, tuple[str, str]] = {
    HTTPStatus.NOT_FOUND: (
        "RESOURCE_NOT_FOUND",
        "There is nothing at this path; GET /restapi says where the API begins.",
    ),
    HTTPStatus.METHOD_NOT_ALLOWED: (
        "METHOD_NOT_ALLOWED",
        "This path takes another method; the Allow header names those it takes.",
    ),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: (
        "REQUEST_TOO_LARGE",
        "The body is larger than this server takes; send smaller documents.",
    ),
}


def answer(
    value: Json, *, status: int = HTTPStatus.OK, headers: Mapping[str, str] | None = None
) -> Response[bytes]:
    """Return a JSON answer whose keys keep their order."""
    return Response(
        msgspec.json.encode(value), status_code=status, media_type=JSON_TYPE, headers=headers
    )


def empty(status: int = HTTPStatus.OK) -> Response[bytes]:
    """Return an answer without a body, as Docusign answers what was deleted."""
    return Response(b"", status_code=status, media_type=JSON_TYPE)


def refusal(
    status: int, code: str, message: str, *, headers: Mapping[str, str] | None = None
) -> Response[bytes]:
    """Return an error as Docusign shapes it (contract 6.3)."""
    return answer({"errorCode": code, "message": message}, status=status, headers=headers)


def expected(_request: Request[Any, Any, Any], error: PostroomError) -> Response[bytes]:
    """Answer an error that the caller can put right."""
    if isinstance(error, DocusignError):
        return refusal(error.status, error.code, str(error))
    kinds = (_EXPECTED[kind] for kind in type(error).__mro__ if kind in _EXPECTED)
    status, code = next(kinds, _EXPECTED[InvalidInputError])
    is_later = status == HTTPStatus.SERVICE_UNAVAILABLE
    headers = {"Retry-After": RETRY_AFTER_SECONDS} if is_later else None
    return refusal(status, code, str(error), headers=headers)


def refused(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """Answer what the framework itself refused: no such path, another method, a large body."""
    status = error.status_code
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return unexpected(request, error)
    code, message = _REFUSED.get(status, ("INVALID_REQUEST_PARAMETER", error.detail))
    headers = {name.title(): text for name, text in (error.headers or {}).items()}
    return refusal(status, code, message, headers=headers)


def too_deep(_request: Request[Any, Any, Any], _error: RecursionError) -> Response[bytes]:
    """Answer a body that is nested deeper than the decoder goes."""
    return refusal(HTTPStatus.BAD_REQUEST, "INVALID_REQUEST_BODY", "The body is nested too deeply.")


def unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Answer our own fault; the log has the rest, under the trace token of the answer."""
    # As text of our own making: a log's own way to show an error may show variables, and tokens.
    trace = "".join(traceback.format_exception(error))
    observe.log.error(
        "a request failed",
        method=request.method,
        path=_shown(request.url.path),
        trace_token=request.scope["state"].get("trace_token"),
        trace=trace,
    )
    return refusal(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "UNSPECIFIED_ERROR",
        "Postroom failed at this; its log says why, under this answer's X-DocuSign-TraceToken.",
    )


def _shown(path: str) -> str:
    """Return a path as the log may hold it: whoever has a signing address acts as its recipient."""
    return "/signing/..." if path.startswith("/signing/") else path


def traced(application: Application) -> Application:
    """Give every answer of an application a trace token of its own (contract 6.3)."""

    async def with_token(scope: Scope, receive: Receive, send: Send) -> None:
        token = str(uuid.uuid4())
        scope.setdefault("state", {})["trace_token"] = token

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                header = (TRACE_HEADER, token.encode())
                message = {**message, "headers": [*message.get("headers", ()), header]}
            await send(message)

        await application(scope, receive, sending)

    return with_token
