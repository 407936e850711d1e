"""The files that advice comes to: Docusign's JSON by its own spelling, and what is left out."""

from msgspec.structs import replace
from tests.unit.advice_cast import A1, IDS, NOBODY, document, field, integration, worked_out

from postroom.model import Json, Registry
from postroom.operations.advising import facts, files
from postroom.routing.advising import advice

CRM, ERP = "crm@example.com", "erp@example.com"
BY_API = {"created_by_api": True, "code_can_change": True}


def configurations(said: Json) -> dict[str, dict[str, Json]]:
    _, _, files = worked_out(said)
    return {one["name"]: one for one in files.configurations["configurations"]}


def test_users_stand_in_a_configuration_by_their_ids_and_groups_by_their_members() -> None:
    said = document(integration("a", CRM), integration("b", "erp"))
    found = configurations(said)
    assert [found[name]["userIds"] for name in ("a", "b")] == [[IDS[CRM]], [IDS[ERP]]]
    assert {one["allUsers"] for one in found.values()} == {"false"}
    assert not any("allUsersExcept" in one for one in found.values())


def test_what_people_send_is_a_configuration_for_all_users_except_the_services() -> None:
    found = configurations(document(integration("a", CRM), integration("hr", only_for_it=True)))
    hr = found["hr"]
    assert (hr["allUsers"], hr["allUsersExcept"], hr["userIds"]) == ("false", "true", [IDS[CRM]])


def test_a_user_whose_id_nobody_told_leaves_the_configuration_out_and_says_so() -> None:
    _, placed, files = worked_out(document(integration("a", "new@example.com")))
    assert files.configurations == {"configurations": []}
    [said] = files.left_out
    assert "give the id of new@example.com" in said
    assert [one.name for one in placed.listeners] == ["a"], "connect.yaml goes by the address"


def test_an_event_notification_asks_for_what_is_off_unless_asked_for() -> None:
    told = integration("a", CRM, **BY_API, events=["Completed", "recipient-declined"])
    _, _, files = worked_out(document(told, may_configure=False))
    made = files.event_notifications["a"]
    assert made["requireAcknowledgment"] == made["loggingEnabled"] == made["includeHMAC"] == "true"
    completed = {"envelopeEventStatusCode": "Completed", "includeDocuments": "false"}
    declined = {"recipientEventStatusCode": "Declined", "includeDocuments": "false"}
    assert (made["envelopeEvents"], made["recipientEvents"]) == ([completed], [declined])
    assert "listeners" not in files.connect


def test_events_without_a_legacy_code_are_told_by_their_names() -> None:
    events = ["envelope-completed", "envelope-corrected"]
    told = integration("a", CRM, **BY_API, events=events)
    _, _, files = worked_out(document(told, may_configure=False))
    made = files.event_notifications["a"]
    assert made["events"] == events
    assert "envelopeEvents" not in made


def test_what_a_listener_says_beside_advice_is_kept() -> None:
    told = facts.read(document(integration("a", CRM), integration("b", ERP)))
    placed = advice.place(told.facts)
    before = replace(placed.listeners[0], format="sim", retry=(1.0, 2.0), filter={"event": "x"})
    account = told.facts.accounts[0]
    there = Registry(revision=1, accounts={A1: account}, listeners={1: before}, lanes={})
    kept = files.write(placed, told.facts, told.key_envs, there)
    fresh = files.write(placed, told.facts, told.key_envs, NOBODY)
    [a, b] = kept.connect["listeners"]
    assert (a["format"], list(a["retry"]), "filter" in a) == ("sim", [1.0, 2.0], False)
    assert b == fresh.connect["listeners"][1]


def test_listeners_that_must_not_share_are_in_one_lane_and_an_archive_is_in_none() -> None:
    said = document(
        integration("a", CRM, field=field("A")),
        integration("b", CRM, field=field("B")),
        integration("archive", wants="all"),
    )
    _, _, files = worked_out(said)
    lanes = {one["name"]: one.get("lane") for one in files.connect["listeners"]}
    assert lanes == {"a": "write-back", "b": "write-back", "archive": None}


def test_more_configurations_than_docusign_takes_are_said_to_be_more() -> None:
    told = [integration(f"i{number}", CRM, field=field(f"V{number}")) for number in range(21)]
    assert "may have 20 configurations at Docusign" in worked_out(document(*told))[2].left_out[0]
    assert worked_out(document(*told[1:]))[2].left_out == ()
