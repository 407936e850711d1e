"""Order tests as intervals: between two neighbouring bounds no test tells texts apart."""

import datetime as dt
import itertools
from collections.abc import Iterable, Iterator, Sequence
from decimal import Context, Decimal

from postroom.model import Noun
from postroom.routing import readings
from postroom.routing.conditions import MomentTest, NumberTest, Test

_ROOMY = Context(prec=250, Emax=999_999, Emin=-999_999)
_LONGEST_NUMBER = 100
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_FIRST = readings.moment_of(dt.datetime.min.replace(tzinfo=dt.UTC))
_LAST = readings.moment_of(dt.datetime.max.replace(tzinfo=dt.UTC))
_LEAST = Decimal("-" + "9" * 93 + "E9999")
_MOST = Decimal("9" * 94 + "E9999")
_DAY = 86_400_000_000


class Samples(Noun, frozen=True, kw_only=True):
    """A text for every interval, and for being none; `is_partial` where one could not be spelt."""

    texts: tuple[str, ...]
    is_partial: bool


def samples(tests: Iterable[Test]) -> Samples:
    """Return texts of which every other text is like one, as far as order tests can tell."""
    tests = tuple(tests)
    numbers = sorted({test.bound for test in tests if isinstance(test, NumberTest)})
    moments = sorted({test.bound for test in tests if isinstance(test, MomentTest)})
    spelt: list[str | None] = []
    if numbers:
        spelt += map(_number, _inside_and_between(numbers))
    if moments:
        spelt += _moments(moments)
    texts = [text for text in spelt if text is not None]
    # Exact comparison does not see a number in a padded one, loose comparison does.
    padded = [f" {text}" for text in texts]
    return Samples(texts=("x", *texts, *padded), is_partial=None in spelt)


def _inside_and_between(bounds: Sequence[Decimal]) -> Iterator[tuple[Decimal, Decimal]]:
    """Yield (low, high): equal for a bound itself, else the ends of what lies open between."""
    edges = [Decimal("-Infinity"), *bounds, Decimal("Infinity")]
    for low, high in itertools.pairwise(edges):
        yield low, high
        if high.is_finite():
            yield high, high


def _number(ends: tuple[Decimal, Decimal]) -> str | None:
    """Spell a number between the ends, a round one if there is one, within what can be read."""
    low, high = ends
    if low == high:
        return _readable(low)
    spelt = (_readable(guess) for guess in _guesses(low, high) if low < guess < high)
    return next((text for text in spelt if text is not None), None)


def _guesses(low: Decimal, high: Decimal) -> Iterator[Decimal]:
    one = Decimal(1)
    if low.is_finite() and high.is_finite():
        middle = _ROOMY.divide(_ROOMY.add(low, high), Decimal(2))
        yield _rounded(middle)
        for digits in (1, 2, 4, 8, 16, 32, 64, 90):
            yield Context(prec=digits, Emax=99_999, Emin=-99_999).plus(middle)
    elif low.is_finite():
        yield from (_ROOMY.add(_rounded(low), one), _MOST)
    else:
        yield from (_ROOMY.subtract(_rounded(high), one), _LEAST)


def _rounded(number: Decimal) -> Decimal:
    return number.to_integral_value() if number.adjusted() < _LONGEST_NUMBER else number


def _readable(number: Decimal) -> str | None:
    """Spell a number as it is read, plainly if it is short enough."""
    plain = format(number, "f") if abs(number.adjusted()) < _LONGEST_NUMBER else ""
    for text in (plain, str(number)):
        if text and readings.number(text) == number:
            return text
    return None


def _moments(bounds: Sequence[int]) -> Iterator[str | None]:
    edges = [_FIRST - _DAY, *bounds, _LAST + _DAY]
    for low, high in itertools.pairwise(edges):
        if high - low > 1:
            yield _moment(low, high)
        if high in bounds:
            yield _spelt(high)


def _moment(low: int, high: int) -> str | None:
    """Spell a moment strictly between, a midnight if there is one."""
    low, high = max(low, _FIRST - 1), min(high, _LAST + 1)
    middle = (low + high) // 2
    for guess in (high - 1 - (high - 1) % _DAY, middle - middle % _DAY, middle):
        if low < guess < high:
            return _spelt(guess)
    return None


def _spelt(moment: int) -> str | None:
    try:
        read = _EPOCH + dt.timedelta(microseconds=moment)
    except OverflowError:
        return None
    text = read.isoformat().replace("+00:00", "Z")
    return text if readings.moment(text) == moment else None
