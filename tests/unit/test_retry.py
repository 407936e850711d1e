from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.clock import SECOND
from postroom.delivery import retry
from postroom.model import Done, GiveUp, Listener, Outcome, TryAgain

NOW = 1_772_000_000 * SECOND


def listener(**more: Any) -> Listener:
    return Listener(id=1, account_id="a", name="one", url="https://one.example.com/", **more)


def answered(status: int | None = None, failure: str | None = None, **headers: str) -> Outcome:
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Outcome(
        status=status, failure=failure, response_headers=named, started_at=NOW, duration_us=1
    )


def decided(outcome: Outcome, attempt: int = 1, *, random: float = 0.0, **more: Any) -> Any:
    return retry.decide(outcome, listener(**more), attempt, now=NOW, random=random)


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_any_2xx_is_done(status: int) -> None:
    assert decided(answered(status)) == Done()


@pytest.mark.parametrize("status", [100, 301, 400, 404, 429, 500, 503])
def test_any_other_answer_is_tried_again(status: int) -> None:
    assert decided(answered(status)) == TryAgain(at=NOW + 300 * SECOND, reason=f"answered {status}")


def test_gone_is_tried_again_and_says_what_to_do() -> None:
    assert "remove the listener" in decided(answered(410)).reason


def test_giving_up_says_how_often_and_what_the_last_answer_was() -> None:
    assert decided(answered(502), 11, retry="docusign-legacy") == GiveUp(
        reason="answered 502; given up after 11 attempts"
    )


def test_a_refused_address_goes_by_the_schedule_since_names_can_be_repaired() -> None:
    assert isinstance(decided(answered(failure="refused-address")), TryAgain)


@given(st.text(max_size=60) | st.from_regex(r"\A[A-Z][a-z]{2}, ?-?\d{1,4}[ :+-].{0,30}\Z"))
def test_no_retry_after_raises_or_hastens(text: str) -> None:
    at = decided(answered(429, Retry_After=text)).at
    assert NOW + 300 * SECOND <= at <= NOW + 86_400 * SECOND


def test_docusigns_schedule_is_the_one_its_support_pages_give() -> None:
    minutes = [delay / 60 for delay in retry.delays("docusign")]
    assert minutes[:7] == [5, 10, 20, 40, 60, 120, 1440]
    assert 14 * 1440 <= sum(minutes) <= 15 * 1440


def test_the_older_schedule_is_ten_days() -> None:
    assert list(retry.delays("docusign-legacy")) == [86_400] * 10


def test_a_list_is_its_own_schedule_and_ends() -> None:
    assert decided(answered(500), 2, retry=(1.0, 2.0)).at == NOW + 2 * SECOND
    verdict = decided(answered(500), 3, retry=(1.0, 2.0))
    assert isinstance(verdict, GiveUp)
    assert "after 3 attempts" in verdict.reason


def test_without_acknowledgement_there_is_one_try() -> None:
    assert isinstance(decided(answered(500), acknowledgement=False), GiveUp)


@pytest.mark.parametrize("failure", sorted(retry.FINAL_FAILURES))
def test_what_cannot_be_mended_is_given_up_at_once(failure: str) -> None:
    assert isinstance(decided(answered(failure=failure)), GiveUp)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("600", 600),
        ("1", 300),
        ("Wed, 25 Feb 2026 06:33:20 GMT", 1200),
        ("999999999", 86_400),
        ("soon", 300),
        ("-5", 300),
        ("", 300),
    ],
)
def test_retry_after_can_only_put_off(text: str, seconds: int) -> None:
    assert decided(answered(503, Retry_After=text)).at == NOW + seconds * SECOND


def test_jitter_only_puts_off() -> None:
    assert decided(answered(500), random=1.0).at == NOW + 330 * SECOND


@pytest.mark.parametrize(
    "wrong", ["dokusign", [-1.0], [float("nan")], [float("inf")], [1.0] * 101, [31 * 86_400.0]]
)
def test_a_wrong_profile_is_named(wrong: Any) -> None:
    assert retry.check(wrong) is not None


@given(
    st.sampled_from(list(retry.PROFILES)) | st.lists(st.floats(0, 86_400), max_size=20),
    st.integers(100, 599) | st.none(),
    st.floats(0, 1, exclude_max=True),
)
def test_every_schedule_moves_on_and_ends(schedule: Any, status: int | None, random: float) -> None:
    assert retry.check(schedule) is None
    outcome = answered(status, None if status else "timeout")
    verdicts = [decided(outcome, n, random=random, retry=schedule) for n in range(1, 30)]
    assert all(verdict.at >= NOW for verdict in verdicts if isinstance(verdict, TryAgain))
    assert isinstance(verdicts[-1], Done | GiveUp)
