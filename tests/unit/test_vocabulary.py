import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom import vocabulary


@pytest.mark.parametrize("event", sorted(vocabulary.EVENTS))
def test_every_event_is_known_in_any_case_and_spelling(event: str) -> None:
    for spelling in (event, event.upper(), event.replace("-", "_"), event.title()):
        assert vocabulary.canonical(spelling) == event


@pytest.mark.parametrize(
    ("name", "kind", "event"),
    [
        ("Completed", None, "envelope-completed"),
        ("Sent", "recipient", "recipient-sent"),
        ("AutoResponded", None, "recipient-autoresponded"),
        ("AuthenticationFailed", None, "recipient-authenticationfailed"),
        ("recipient-authentication-failed", None, "recipient-authenticationfailed"),
        ("Draft", None, "envelope-created"),
        ("draft", "envelope", "envelope-created"),
        ("Completed", "recipient", "recipient-completed"),
        ("Envelope Completed", "recipient", "envelope-completed"),
    ],
)
def test_legacy_codes_and_live_misspellings_are_read(
    name: str, kind: vocabulary.Kind | None, event: str
) -> None:
    assert vocabulary.canonical(name, kind) == event


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("envelope-complete", "envelope-completed"),
        ("envelope-signed", "recipient-completed"),
        ("recipient-authfailed", "recipient-authenticationfailed"),
        ("envelope-expired", "envelope-voided"),
        ("recipient-bounced", "recipient-autoresponded"),
        ("recipient-finished", "recipient-completed"),
        ("recipient-opened", "recipient-delivered"),
    ],
)
def test_a_name_outside_the_vocabulary_gets_the_likely_right_one(name: str, meant: str) -> None:
    assert vocabulary.canonical(name) is None
    assert vocabulary.suggest(name) == meant


def test_a_name_like_no_other_gets_no_suggestion() -> None:
    assert vocabulary.suggest("envelope-foo") is None
    assert vocabulary.suggest("xyzzy") is None


def test_a_code_that_only_recipients_have_is_none_of_the_envelope() -> None:
    assert vocabulary.canonical("AutoResponded", "envelope") is None


def test_a_name_of_any_length_is_read_whole_or_not_at_all() -> None:
    assert vocabulary.canonical("envelope-completed" + " " * 300 + "never") is None


def test_what_happens_once_is_in_the_vocabulary() -> None:
    assert vocabulary.ONCE_ONLY < vocabulary.EVENTS


def test_legacy_gives_back_what_docusign_calls_it() -> None:
    assert vocabulary.legacy("recipient-autoresponded") == ("recipient", "AutoResponded")
    assert vocabulary.legacy("envelope-purge") is None


@given(st.text(max_size=300))
def test_any_text_is_a_name_or_none(name: str) -> None:
    assert vocabulary.canonical(name) in {None, *vocabulary.EVENTS}
    assert vocabulary.suggest(name) in {None, *vocabulary.EVENTS}
