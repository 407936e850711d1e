"""The clock: to read, and in tests to move."""

from datetime import UTC, datetime
from typing import Annotated

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Meta

from postroom.clock import SECOND, VirtualClock
from postroom.errors import ConflictError, InvalidInputError
from postroom.model import Noun
from postroom.web.api.services import Services

MAX_ADVANCE_SECONDS = 10 * 366 * 86_400
_EPOCH = datetime.fromtimestamp(0, UTC)


class Time(Noun, frozen=True, kw_only=True):
    """What time it is."""

    now: str
    """ISO 8601, UTC."""
    is_virtual: bool


class Move(Noun, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far, or to which moment, to move; one of the two."""

    advance_seconds: Annotated[float, Meta(gt=0, le=MAX_ADVANCE_SECONDS)] | None = None
    to: Annotated[str, Meta(max_length=64)] | None = None


@get("/clock")
async def read_clock(services: NamedDependency[Services]) -> Time:
    """Tell the time this server goes by."""
    return _time(services)


@post("/clock", status_code=200)
async def move_clock(services: NamedDependency[Services], data: JSONBody[Move]) -> Time:
    """Move a virtual clock forward; the machine's own cannot be moved."""
    if not isinstance(services.clock, VirtualClock):
        raise ConflictError(
            "a clock is moved on a running server: start one with --offline or --virtual-clock, and"
            " name it with --server or POSTROOM_SERVER"
            if services.connect is None
            else "this server goes by the machine's clock; start it with --offline or"
            " --virtual-clock to move it"
        )
    services.clock.advance_to(_target(services.clock.now(), data))
    return _time(services)


def _target(now: int, move: Move) -> int:
    if (move.advance_seconds is None) == (move.to is None):
        raise InvalidInputError("give either `advance_seconds` or `to`")
    if move.to is None:
        return now + round((move.advance_seconds or 0) * SECOND)
    try:
        moment = datetime.fromisoformat(move.to)
    except ValueError:
        raise InvalidInputError("`to` is an ISO 8601 moment, like 2026-03-02T09:00:00Z") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    target = round((moment - _EPOCH).total_seconds() * SECOND)
    if not now <= target <= now + MAX_ADVANCE_SECONDS * SECOND:
        raise InvalidInputError("`to` is not between now and ten years from now")
    return target


def _time(services: Services) -> Time:
    now = datetime.fromtimestamp(services.clock.now() / SECOND, UTC)
    return Time(
        now=now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        is_virtual=isinstance(services.clock, VirtualClock),
    )
