"""An envelope's whole history, and what to check where there is none."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.acceptance.cast import A1, A2, envelope_id
from tests.flow.registry_office import (
    GIVEN_UP,
    MINUTE,
    RegistryOffice,
    listener,
    registry_office,
)

from postroom.clock import SECOND
from postroom.errors import InvalidInputError, NotFoundError
from postroom.operations.explain_envelope import EnvelopeHistory, explain_envelope
from postroom.storage.port import Rejection

ERP = {"customFields.Integration": "ERP"}


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[RegistryOffice]:
    async with registry_office(tmp_path) as one:
        yield one


def matrix(found: EnvelopeHistory) -> dict[str, dict[str, str]]:
    return {row.event: {cell.listener: cell.outcome for cell in row.cells} for row in found.events}


async def test_every_event_and_every_listener_has_its_cell(desk: RegistryOffice) -> None:
    await desk.apply(listener("all"), listener("erp", filter=ERP, events=["completed"]))
    await desk.feed(1, "envelope-sent", Integration="erp ")
    await desk.feed(2, "envelope-sent")
    await desk.deliver("all")
    await desk.feed(1, "envelope-completed", Integration="erp ")
    found = await explain_envelope(desk.store, envelope_id(1))
    assert matrix(found) == {
        "envelope-sent": {"all": "delivered", "erp": "not_wanted"},
        "envelope-completed": {"all": "pending", "erp": "not_wanted"},
    }
    assert (found.listeners, found.account_ids) == (("all", "erp"), (A1,))
    near = found.events[1].cells[1]
    assert near.near_miss is not None
    assert near.sentence == (
        'not delivered to erp: custom field Integration was "erp " (trailing space, case differs), '
        'wanted "ERP"'
    )
    assert any(one.startswith(near.sentence) for one in found.notable)


async def test_a_cell_tells_its_tries_and_the_last_answer(desk: RegistryOffice) -> None:
    await desk.apply(listener("all"))
    await desk.feed(1)
    await desk.deliver("all", GIVEN_UP, status=503)
    (row,) = (await explain_envelope(desk.store, envelope_id(1))).events
    (cell,) = row.cells
    assert (cell.outcome, cell.attempts, cell.last_status) == ("given_up", 1, 503)
    assert 'last answer 503 "busy"' in cell.sentence


async def test_an_end_without_its_beginning_is_a_gap_if_the_feed_carries_beginnings(
    desk: RegistryOffice,
) -> None:
    await desk.apply(listener("all"))
    await desk.feed(1)
    assert (await explain_envelope(desk.store, envelope_id(1))).gaps == ()
    await desk.feed(2, "envelope-sent")
    found = await explain_envelope(desk.store, envelope_id(1))
    assert [(gap.event, gap.implied_by) for gap in found.gaps] == [
        ("envelope-sent", "envelope-completed")
    ]
    assert "postroom reconcile" in found.notable[0]
    assert (await explain_envelope(desk.store, envelope_id(2))).gaps == ()


async def test_what_came_late_is_in_its_place_and_marked(desk: RegistryOffice) -> None:
    await desk.apply(listener("all"))
    await desk.feed(1)
    desk.now -= 10 * MINUTE
    await desk.feed(1, "envelope-sent")
    found = await explain_envelope(desk.store, envelope_id(1))
    assert [(row.event, row.marks) for row in found.events] == [
        ("envelope-sent", ("out of order",)),
        ("envelope-completed", ()),
    ]


async def test_repeats_and_unclaimed_events_are_marked(desk: RegistryOffice) -> None:
    await desk.apply(listener("erp", filter=ERP))
    notification = await desk.feed(1, Integration="CRM")
    stored = await desk.store.notification(notification)
    assert stored is not None
    await desk.take(stored.notification.body)
    found = await explain_envelope(desk.store, envelope_id(1))
    (row,) = found.events
    assert (row.marks, row.repeats) == (("repeated", "unclaimed"), 1)
    assert "envelope-completed came once more; it counts once" in found.notable


async def test_a_listener_that_was_not_there_then_says_so(desk: RegistryOffice) -> None:
    await desk.apply(listener("all"))
    await desk.feed(1, "envelope-sent")
    await desk.apply(listener("new"))
    await desk.feed(1, "envelope-completed")
    found = await explain_envelope(desk.store, envelope_id(1))
    assert [row["new"] for row in matrix(found).values()] == ["absent", "pending"]
    only = await explain_envelope(desk.store, envelope_id(1), listener="new")
    assert only.listeners == ("new",)


async def test_more_events_than_are_shown_are_said_to_be_there(
    desk: RegistryOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("postroom.operations.explain_envelope.MOST_CELLS", 2)
    await desk.apply(listener("all"))
    for event in ("envelope-sent", "envelope-delivered", "envelope-completed"):
        await desk.feed(1, event)
    found = await explain_envelope(desk.store, envelope_id(1))
    assert (len(found.events), found.is_cut) == (2, True)


async def test_an_envelope_never_seen_says_what_to_check(desk: RegistryOffice) -> None:
    await desk.apply(listener("all"))
    found = await explain_envelope(desk.store, envelope_id(9), account="Acme Corp")
    assert (found.events, found.account_ids) == ((), ())
    assert found.checks[0].startswith(f"nothing has ever come for account {A1}")
    assert "postroom reconcile" in found.checks[-1]


async def test_an_envelope_never_seen_is_looked_for_at_the_door_and_elsewhere(
    desk: RegistryOffice,
) -> None:
    await desk.apply(listener("all"))
    await desk.feed(1)
    await desk.take(b"\xff{not json")
    refused = Rejection(
        at=desk.now + SECOND, account_id=A2, remote="192.0.2.1", reason="bad signature", hint="?"
    )
    await desk.store.reject([refused])
    checks = (await explain_envelope(desk.store, envelope_id(1), account=A2)).checks
    assert checks[0].startswith(f"it is known of account {A1}")
    assert any("refused at the front door: 1" in one and "bad signature" in one for one in checks)
    unseen = (await explain_envelope(desk.store, envelope_id(9), account=A1)).checks
    assert any("could not be read" in one for one in unseen)
    assert not any("bad signature" in one for one in unseen)


async def test_what_is_no_envelopes_id_is_told_so(desk: RegistryOffice) -> None:
    await desk.apply()
    assert "is a GUID" in (await explain_envelope(desk.store, "PO-7781")).checks[0]
    for text in ("", "\x00", "x" * 201):
        with pytest.raises(InvalidInputError, match="names nothing"):
            await explain_envelope(desk.store, text)
    with pytest.raises(NotFoundError, match="postroom listeners"):
        await explain_envelope(desk.store, envelope_id(1), listener="nobody")
