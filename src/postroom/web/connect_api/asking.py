"""What a request says, read leniently: its JSON and its query, whatever the case of the keys."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from litestar import Request
from litestar.params import PathParameter

from postroom.clock import SECOND
from postroom.errors import DocusignError
from postroom.model import Json

MAX_ID_CHARACTERS = 500
Id = Annotated[str, PathParameter(max_length=MAX_ID_CHARACTERS)]
"""An id in a path."""

MAX_PARAMETERS = 100
MAX_PARAMETER_CHARACTERS = 4000
_FIRST = datetime(1970, 1, 1, tzinfo=UTC)
_AMERICAN = re.compile(r"^([0-9]{2})/([0-9]{2})/([0-9]{4})(?=$|[ T])")


async def said(request: Request[Any, Any, Any]) -> Json:
    """Return the body's JSON, `{}` where there is none.

    The content type is not looked at: the SDKs send `application/json` with every verb. Raises
    `DocusignError` INVALID_REQUEST_BODY for anything that is not JSON.
    """
    body = await request.body()
    if not body.strip():
        return {}
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise DocusignError(
            "INVALID_REQUEST_BODY", "The body is not JSON; send one JSON object."
        ) from None


def asked(request: Request[Any, Any, Any]) -> dict[str, str]:
    """Return the query by its names in lower case; a name given several times is comma-joined.

    Raises `DocusignError` INVALID_REQUEST_PARAMETER for a query beyond all bounds.
    """
    pairs = list(request.query_params.multi_items())
    if len(pairs) > MAX_PARAMETERS or any(
        len(name) > MAX_PARAMETER_CHARACTERS or len(str(text)) > MAX_PARAMETER_CHARACTERS
        for name, text in pairs
    ):
        raise DocusignError(
            "INVALID_REQUEST_PARAMETER", "The query has too many or too long parameters."
        )
    found: dict[str, str] = {}
    for name, text in pairs:
        key = name.lower()
        found[key] = f"{found[key]},{text}" if key in found else str(text)
    return found


def moment_of(asked: Mapping[str, str], name: str) -> int | None:
    """Return a date or date-time of the query in microseconds; without an offset it is UTC.

    The service also takes a date as Americans write it, 01/31/2026 (issue 76 of its Java SDK).
    """
    text = asked.get(name, "").strip()
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(_AMERICAN.sub(r"\3-\1-\2", text[:40]).replace("/", "-"))
    except ValueError:
        raise DocusignError(
            "INVALID_REQUEST_PARAMETER", f"{name} is not a date such as 2026-01-31T09:00:00Z."
        ) from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(round((moment - _FIRST).total_seconds() * SECOND), 0)
