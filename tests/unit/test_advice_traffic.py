"""What traffic shows, and what it adds to or says against what was told."""

import itertools

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.advice_cast import A1, IDS, facts, field, integration
from tests.unit.routing_cast import notification, summary

from postroom.model import Notification
from postroom.routing.advising import observed
from postroom.routing.advising.facts import Facts
from postroom.routing.advising.observed import Checked, SeenEnvelope, Telling

CRM, ERP, ANN = "crm@example.com", "erp@example.com", "ann@example.com"
_numbers = itertools.count(1)


def seen(*sent: tuple[str, dict[str, str]], listeners: tuple[str, ...] = ()) -> Telling:
    """Return what tells of one envelope for each (sender's address, custom fields)."""
    telling = Telling()
    for email, fields in sent:
        telling.take(told(email, fields), listeners)
    return telling


def told(email: str, fields: dict[str, str] | None, number: int | None = None) -> Notification:
    said = summary(fields or {}, sender={"email": email, "userId": IDS[email]})
    if fields is None:
        del said["customFields"]
    envelope = f"e0000000-0000-4000-8000-{number or next(_numbers):012d}"
    return notification(said, sender_id=IDS[email], envelope_id=envelope)


def checked(given_: Facts, telling: Telling, *, guesses: bool = False) -> Checked:
    return observed.check(given_, telling.envelopes(), guesses=guesses)


def test_an_envelope_counts_once_and_by_its_newest_fields() -> None:
    telling = Telling()
    for fields in ({"Unit": "new"}, {"Unit": "old"}, None):
        telling.take(told(CRM, fields, 7), ["a"])
    [one] = telling.envelopes()
    assert (one.fields, one.email, telling.notifications) == ({"Unit": "new"}, CRM, 3)


def test_fields_that_the_newest_message_lacks_are_taken_from_an_older_one() -> None:
    telling = Telling()
    for fields, name in ((None, "a"), ({"Unit": "A"}, "b")):
        telling.take(told(CRM, fields, 7), [name])
    [one] = telling.envelopes()
    assert (one.fields, one.listeners) == ({"Unit": "A"}, frozenset("ab"))


def test_coverage_is_told_for_each_sender_and_field() -> None:
    sent = [(CRM, {"Unit": "A"})] * 3 + [(CRM, {}), (ERP, {"Unit": "B"}), (ANN, {})]
    found = {one.sender: one for one in observed.coverage(seen(*sent).envelopes())}
    assert found.keys() == {CRM, ERP}
    crm = found[CRM]
    assert (crm.field, crm.envelopes, crm.without, crm.values) == ("Unit", 4, 1, {"A": 3})


def test_listeners_that_share_envelopes_now_are_counted_in_pairs() -> None:
    telling = seen((CRM, {}), (ERP, {}), listeners=("c", "a", "b"))
    found = [(one.one, one.other, one.envelopes) for one in observed.shared(telling.envelopes())]
    assert found == [("a", "b", 2), ("a", "c", 2), ("b", "c", 2)]


def test_a_field_told_as_always_set_that_is_missing_at_times_is_contradicted_and_believed() -> None:
    given_ = facts(integration("crm", CRM, field=field("CRM")))
    found = checked(given_, seen((CRM, {"Integration": "CRM"}), (CRM, {})))
    [mark] = [one.mark for one in found.facts.integrations]
    assert mark is not None
    assert mark.is_set == "sometimes"
    assert found.contradictions == (
        "crm: told as always set, but Integration is missing on 1 of 2 envelopes of its senders",
    )


def test_a_field_that_nobody_was_said_to_set_and_somebody_does_completes_the_facts() -> None:
    given_ = facts(integration("crm", CRM, field=field("CRM", "possible")))
    found = checked(given_, seen((CRM, {"Integration": "CRM"})))
    [mark] = [one.mark for one in found.facts.integrations]
    assert mark is not None
    assert (mark.is_set, len(found.completed), found.contradictions) == ("always", 1, ())


def test_a_user_who_sends_what_is_marked_for_another_is_not_for_one_integration_only() -> None:
    given_ = facts(integration("crm", CRM), integration("erp", ERP, field=field("ERP")))
    sent = seen((CRM, {"Integration": "ERP"}), (ERP, {"Integration": "ERP"}))
    found = checked(given_, sent)
    crm, erp = found.facts.integrations
    assert (crm.senders.send_marked_too, erp.senders.send_marked_too) == (True, False)
    [said] = found.contradictions
    assert "but send Integration = ERP too" in said


def test_what_a_user_shared_with_an_unmarked_rival_leaves_unmarked_contradicts_nothing() -> None:
    given_ = facts(integration("erp", CRM, field=field("ERP")), integration("crm", CRM))
    found = checked(given_, seen((CRM, {"Integration": "ERP"}), (CRM, {})))
    [mark] = [one.mark for one in found.facts.integrations if one.mark]
    assert mark.is_set == "always"
    assert [one for one in found.contradictions if one.startswith("erp")] == []


def test_senders_of_whom_nothing_was_seen_are_told() -> None:
    found = checked(facts(integration("crm", CRM)), seen((ERP, {})))
    assert found.contradictions == ("crm: nothing of its senders was seen",)


def test_a_group_s_envelopes_are_those_of_its_members() -> None:
    given_ = facts(integration("all", "services", field=field("X")))
    found = checked(given_, seen((CRM, {}), (ERP, {"Integration": "X"}), (ANN, {})))
    assert "1 of 2 envelopes" in found.contradictions[0]


def test_a_listener_without_conditions_is_found_by_its_name_in_a_field_s_values() -> None:
    sent = seen((CRM, {"Unit": "C.R.M"}), (CRM, {"Unit": "ERP"}))
    found = checked(facts(integration("crm")), sent, guesses=True)
    [crm] = found.facts.integrations
    assert crm.mark is not None
    assert (crm.mark.name, crm.mark.value, crm.senders.emails) == ("Unit", "C.R.M", (CRM,))
    assert checked(facts(integration("crm")), sent).completed == ()


def test_a_listener_without_conditions_is_found_by_its_name_in_a_sender_s_address() -> None:
    sent = seen((CRM, {}), (ANN, {}))
    [crm] = checked(facts(integration("crm")), sent, guesses=True).facts.integrations
    assert (crm.senders.emails, crm.senders.are_only_for_it) == ((CRM,), True)


def test_what_many_people_mark_is_not_taken_to_be_sent_by_users_one_can_name() -> None:
    sent = seen(*((email, {"Unit": "crm"}) for email in IDS))
    [crm] = checked(facts(integration("crm")), sent, guesses=True).facts.integrations
    assert (crm.mark is not None, crm.senders.are_named) == (True, False)


@given(st.binary(max_size=60) | st.just(b'{"data":{"envelopeSummary":{"customFields":7}}}'))
def test_whatever_a_message_holds_is_taken_without_an_exception(body: bytes) -> None:
    telling = Telling()
    telling.take(notification(body=body), ["a"])
    observed.coverage(telling.envelopes())
    checked(facts(integration("crm", CRM, field=field("CRM"))), telling, guesses=True)


def test_a_message_with_very_many_fields_is_remembered_within_bounds() -> None:
    telling = seen((CRM, {f"n{number}" * 200: "v" * 1000 for number in range(500)}))
    [one] = telling.envelopes()
    assert isinstance(one, SeenEnvelope)
    assert len(one.fields or ()) <= observed.MOST_FIELDS
    assert all(
        len(text) <= observed.LONGEST for pair in (one.fields or {}).items() for text in pair
    )
    assert one.account_id == A1
