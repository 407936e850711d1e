"""What an account's answers say of how often it may be asked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.clock import SECOND
from postroom.esign.limits import HOUR_SECONDS, Pause, pause_after

NOW = 1_772_442_000 * SECOND


def refused(seconds: int) -> Pause:
    return Pause(seconds=seconds, was_refused=True)


@pytest.mark.parametrize(
    ("status", "headers", "body", "pause"),
    [
        (200, {}, b"", None),
        (200, {"x-ratelimit-limit": "3000", "x-ratelimit-remaining": "301"}, b"", None),
        (404, {}, b"ENVELOPE_DOES_NOT_EXIST", None),
        (429, {"retry-after": "17"}, b"", refused(17)),
        (429, {}, b"", refused(60)),
        (429, {"x-ratelimit-reset": str(NOW // SECOND + 90)}, b"", refused(90)),
        (429, {"x-ratelimit-reset": "90"}, b"", refused(90)),
        (400, {}, b"HOURLY_APIINVOCATION_LIMIT_EXCEEDED", refused(60)),
        (400, {}, b"BURST_APIINVOCATION_LIMIT_EXCEEDED", refused(30)),
        (200, {}, b"HOURLY_APIINVOCATION_LIMIT_EXCEEDED", None),
        (429, {"retry-after": "999999999"}, b"", refused(HOUR_SECONDS)),
        (429, {"retry-after": "-5"}, b"", refused(60)),
        (429, {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, b"", refused(60)),
        (
            200,
            {"x-burstlimit-limit": "500", "x-burstlimit-remaining": "50"},
            b"",
            Pause(seconds=30, was_refused=False),
        ),
    ],
)
def test_a_pause_is_as_long_as_the_account_says(
    status: int, headers: dict[str, str], body: bytes, pause: Pause | None
) -> None:
    assert pause_after(status, headers, body, machine_now=NOW) == pause


@given(
    st.integers(100, 599),
    st.dictionaries(
        st.sampled_from(
            ["retry-after", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"]
        ),
        st.text(max_size=30) | st.integers().map(str),
    ),
    st.binary(max_size=50),
)
def test_no_answer_makes_anybody_wait_more_than_an_hour(
    status: int, headers: dict[str, str], body: bytes
) -> None:
    pause = pause_after(status, headers, body, machine_now=NOW)
    assert pause is None or 1 <= pause.seconds <= HOUR_SECONDS
