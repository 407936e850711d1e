"""The envelopes that live here: changed once each, with all they tell, and found again."""

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace
from tests.contract.conftest import Backend
from tests.contract.store_cast import (
    A1,
    A2,
    AUDIT,
    DAY,
    T0,
    envelope,
    event_id,
    kept,
    lease,
    notification,
    owed,
    recording,
    settle,
    settlement,
    states,
)

from postroom.clock import SECOND
from postroom.errors import InvalidInputError
from postroom.model import DeliveryState, Match, Notification, OwedState
from postroom.storage.port import (
    EnvelopeQuery,
    KeptEnvelope,
    KeptObject,
    Life,
    Lived,
    NotificationQuery,
    RemoveAccount,
    Store,
)

GRANDEST = 2**63 - 1


def here(number: int, **changed: Any) -> Notification:
    """Return notification `number`, which envelope 1 caused here."""
    plain = notification(number, origin="here", attached=("eventNotification-0a1b",))
    return replace(plain, **changed)


async def live(store: Store, one: KeptEnvelope, **more: Any) -> Lived:
    return await store.live(Life(envelope=one, **more))


async def found(store: Store, account_id: str = A1, **query: Any) -> list[int]:
    """Return the numbers of the envelopes a query finds, in order; all fit one page."""
    page, count = await store.kept_envelopes(EnvelopeQuery(account_id=account_id, **query))
    assert count == len(page)
    return [int(one.id[-12:]) for one in page]


FULL = kept(
    1,
    sender_name="Jo Doe",
    sender_email="jo@example.com",
    subject="Please sign ✍ bitte unterschreiben",
    folder="draft",
    sent_at=T0 + 1,
    delivered_at=T0 + 2,
    completed_at=T0 + 3,
    declined_at=T0 + 4,
    voided_at=T0 + 5,
    next_at=T0 + 6,
    transaction_id="tx-1",
    fields=(("Integration", "ERP"), ("Region", ""), ("Integration", "ERP")),
    search_text="please sign jo doe",
    body=b'{"status":"sent"}' * 1000,
)


# --- live ---------------------------------------------------------------------------------------


async def test_a_change_survives_a_crash_with_all_it_tells_and_owes(
    backend: Backend, store: Store, erp: int
) -> None:
    owing = (recording(here(1), erp, leased=[erp]), recording(here(2), erp))

    lived = await live(store, FULL, documents=(("1", b"%PDF"), ("2", b"\x00")), recordings=owing)

    assert lived.was_current
    (first, second) = lived.recorded
    assert [one.notification.id for one in first.leases] == [event_id(1)]
    assert (second.is_duplicate, second.leases, second.left_due) == (False, (), ())
    after = await backend.crash()
    assert await after.kept_envelope(A1, FULL.id) == FULL
    assert await after.envelope_document(A1, FULL.id, "1") == b"%PDF"
    assert await after.envelope_document(A1, FULL.id, "2") == b"\x00"
    assert await states(after, erp) == [
        (event_id(1), DeliveryState.DUE),
        (event_id(2), DeliveryState.WAITING),
    ]


async def test_an_envelope_follows_its_changes(store: Store) -> None:
    await live(store, FULL)
    changed = kept(1, revision=2, status="completed", body=b"later", created_at=T0 + 9)

    assert (await live(store, changed)).was_current

    assert await store.kept_envelope(A1, FULL.id) == changed
    assert (await store.kept_envelopes(EnvelopeQuery(account_id=A1)))[1] == 1


@pytest.mark.parametrize("revision", [1, 2, 4, 0])
async def test_a_change_of_another_revision_writes_nothing(
    store: Store, erp: int, revision: int
) -> None:
    await live(store, kept(1), documents=(("1", b"one"),))
    await live(store, kept(1, revision=2))

    stale = await live(
        store,
        kept(1, revision=revision, fields=(("a", "b"),), body=b"stale"),
        documents=(("1", b"stale"), ("2", b"stale")),
        recordings=(recording(here(1), erp),),
    )

    assert (stale.was_current, stale.recorded) == (False, ())
    assert await store.kept_envelope(A1, envelope(1)) == kept(1, revision=2)
    assert await store.envelope_document(A1, envelope(1), "1") == b"one"
    assert await store.envelope_document(A1, envelope(1), "2") is None
    assert await found(store, field=("a", "b")) == []
    assert await store.notification(event_id(1)) is None


async def test_a_new_envelope_begins_at_its_first_revision(store: Store) -> None:
    assert not (await live(store, kept(1, revision=2))).was_current
    assert await store.kept_envelope(A1, envelope(1)) is None


async def test_of_many_who_change_an_envelope_at_once_one_succeeds(store: Store, erp: int) -> None:
    await live(store, kept(1))
    rivals = [
        live(store, kept(1, revision=2, subject=str(n)), recordings=(recording(here(n), erp),))
        for n in range(20)
    ]
    others = [live(store, kept(n), recordings=(recording(here(n), erp),)) for n in range(30, 50)]

    lived = await asyncio.gather(*rivals, *others)

    (winner,) = [n for n, one in enumerate(lived[:20]) if one.was_current]
    assert all(one.was_current for one in lived[20:])
    after = await store.kept_envelope(A1, envelope(1))
    assert after is not None
    assert after.subject == str(winner)
    assert {one.notification_id for one in await owed(store, erp)} == {
        event_id(n) for n in (winner, *range(30, 50))
    }


async def test_changes_that_share_a_commit_build_on_each_other(store: Store, erp: int) -> None:
    steps = [
        live(
            store,
            kept(1, revision=n, fields=(("step", str(n)),)),
            documents=((str(n), b"d"),),
            dropped_documents=(str(n - 1),),
            recordings=(recording(here(n), erp),),
        )
        for n in range(1, 6)
    ]

    assert all(one.was_current for one in await asyncio.gather(*steps))

    assert await store.kept_envelope(A1, envelope(1)) == kept(
        1, revision=5, fields=(("step", "5"),)
    )
    assert [await found(store, field=("step", str(n))) for n in range(1, 6)] == [[]] * 4 + [[1]]
    bodies = [await store.envelope_document(A1, envelope(1), str(n)) for n in range(1, 6)]
    assert bodies == [None] * 4 + [b"d"]
    assert [one.notification_id for one in await owed(store, erp)] == [
        event_id(n) for n in range(1, 6)
    ]


async def test_what_cannot_be_kept_spoils_no_other_change(store: Store) -> None:
    lived = await asyncio.gather(
        *(live(store, kept(n)) for n in range(5)),
        live(store, kept(5, sent_at=GRANDEST + 1)),
        live(store, kept(6, subject="\ud800")),
        return_exceptions=True,
    )
    assert [type(one) for one in lived] == [Lived] * 5 + [InvalidInputError] * 2
    assert await found(store, is_descending=False) == [0, 1, 2, 3, 4]


async def test_an_event_told_twice_is_a_repeat_and_the_change_is_kept(
    store: Store, erp: int
) -> None:
    await live(store, kept(1), recordings=(recording(here(1), erp),))
    again = await live(store, kept(1, revision=2), recordings=(recording(here(1), erp),))
    assert again.was_current
    assert [one.is_duplicate for one in again.recorded] == [True]
    assert len(await owed(store, erp)) == 1


async def test_documents_are_replaced_and_dropped(store: Store) -> None:
    await live(store, kept(1), documents=(("1", b"a"), ("2", b"b"), ("3", b"c")))
    await live(
        store,
        kept(1, revision=2),
        documents=(("1", b"A"), ("3", b"C")),
        dropped_documents=("2", "3", "none"),
    )
    documents = [await store.envelope_document(A1, envelope(1), one) for one in "1234"]
    assert documents == [b"A", None, b"C", None]


async def test_what_merged_into_a_later_event_is_never_sent(store: Store, erp: int) -> None:
    merged = Match(listener_id=erp, state=OwedState.MERGED, reason="told by a later event")
    first = replace(recording(here(1)), matches=(merged,), lease_for=frozenset({erp}))

    lived = await live(store, kept(1), recordings=(first, recording(here(2), erp, leased=[erp])))

    assert [len(one.leases) for one in lived.recorded] == [0, 1]
    told, due = await owed(store, erp)
    assert (told.state, told.reason) == (DeliveryState.DISMISSED, "told by a later event")
    assert told.settled_at == here(1).received_at
    assert due.state is DeliveryState.DUE
    assert (await lease(store, erp, now=T0 + DAY))[0].delivery_id == due.id


# --- where a notification came from ---------------------------------------------------------------


async def test_where_a_notification_came_from_is_told_wherever_it_is_read(
    store: Store, erp: int
) -> None:
    one, two = here(1, origin="historical"), here(2)
    recorded = await store.record(recording(one, erp, leased=[erp]))
    await store.record(recording(two, erp))
    assert recorded.leases[0].notification == one

    settled = await store.settle(settlement(recorded.leases[0], wants_next=True))

    assert settled.next is not None
    assert settled.next.notification == two
    (again,) = await lease(store, erp, now=settled.next.leased_until)
    assert again.notification == two
    assert await store.occurrences(A1, envelope(1), one.event, None) == [two, one]
    stored = await store.notification(one.id)
    assert stored is not None
    assert stored.notification == one
    listed = [found.notification for found in await store.notifications(NotificationQuery())]
    assert listed == [replace(two, body=b""), replace(one, body=b"")]


async def test_a_message_from_the_feed_carries_no_listeners(store: Store, erp: int) -> None:
    await store.record(recording(notification(1), erp))
    (leased,) = await lease(store, erp)
    assert (leased.notification.origin, leased.notification.attached) == ("feed", ())


# --- finding envelopes ----------------------------------------------------------------------------


async def _some(store: Store) -> None:
    """Keep envelopes 1 to 5, each changed a second after the one before."""
    many: dict[int, dict[str, Any]] = {
        1: {"status": "completed", "completed_at": T0 + 7, "fields": (("Integration", "ERP"),)},
        2: {"folder": "draft", "transaction_id": "tx-2", "sender_id": "someone else"},
        3: {"subject": "Zebra", "search_text": "50% of o'hara_x\\y/z"},
        4: {"sender_name": "Jo", "sender_email": "jo@example.com", "search_text": "50 of ohara"},
        5: {"fields": (("Integration", "erp"), ("ERP", "Integration")), "sent_at": T0 + 3},
    }
    for number, changed in many.items():
        await live(store, kept(number, **changed))
    await live(store, kept(1, account_id=A2, fields=(("Integration", "ERP"),)))


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ({}, [5, 4, 3, 2, 1]),
        ({"is_descending": False}, [1, 2, 3, 4, 5]),
        ({"statuses": ("completed", "voided")}, [1]),
        ({"statuses": ("voided",)}, []),
        ({"ids": (envelope(2), envelope(4), envelope(9))}, [4, 2]),
        ({"transaction_ids": ("tx-1", "tx-2")}, [2]),
        ({"folders": ("draft",)}, [2]),
        ({"sender_id": "someone else"}, [2]),
        ({"sender_name": "Jo"}, [4]),
        ({"sender_email": "jo@example.com"}, [4]),
        ({"moment_from": T0 + 2 * SECOND, "moment_until": T0 + 4 * SECOND}, [3, 2]),
        ({"by": "created", "moment_from": T0 + 4 * SECOND}, [5, 4]),
        ({"by": "completed", "moment_until": T0 + 8}, [1]),
        ({"by": "completed", "moment_until": T0 + 7}, []),
        ({"by": "voided", "moment_from": 0}, []),
        ({"field": ("Integration", "ERP")}, [1]),
        ({"field": ("Integration", "erp")}, [5]),
        ({"field": ("Integration", "erp"), "statuses": ("completed",)}, []),
        ({"search_text": "50"}, [4, 3]),
        ({"search_text": "50%"}, [3]),
        ({"search_text": "O'HARA_X"}, [3]),
        ({"search_text": "o_hara"}, []),
        ({"search_text": "x\\y"}, [3]),
        ({"search_text": "y/z"}, [3]),
        ({"search_text": "'; DROP TABLE kept_envelope; --"}, []),
        ({"order_by": "sent"}, [5, 4, 3, 2, 1]),
        ({"order_by": "sent", "is_descending": False}, [5, 1, 2, 3, 4]),
        ({"order_by": "completed", "is_descending": False}, [1, 2, 3, 4, 5]),
        ({"order_by": "subject"}, [3, 5, 4, 2, 1]),
        ({"order_by": "status", "is_descending": False}, [1, 2, 3, 4, 5]),
        ({"order_by": "created"}, [5, 4, 3, 2, 1]),
        ({"order_by": "modified"}, [5, 4, 3, 2, 1]),
        ({"order_by": "sender_name"}, [4, 5, 3, 2, 1]),
    ],
)
async def test_a_query_finds_what_meets_all_its_conditions(
    store: Store, query: dict[str, Any], numbers: list[int]
) -> None:
    await _some(store)
    assert await found(store, **query) == numbers


async def test_accounts_do_not_see_each_others_envelopes(store: Store) -> None:
    await _some(store)
    assert await found(store, A2, field=("Integration", "ERP")) == [1]
    assert await found(store, A2, search_text="50") == []
    assert await store.kept_envelope(A2, envelope(2)) is None
    own = await store.kept_envelope(A2, envelope(1))
    assert own is not None
    assert own.account_id == A2


async def test_an_envelope_is_found_by_its_present_fields_alone(store: Store) -> None:
    both = (("a", "1"), ("b", "2"))
    await live(store, kept(1, fields=both))
    await live(store, kept(1, revision=2, fields=(("b", "2"), ("a", "3"))))
    lookups = [("a", "1"), ("a", "3"), ("b", "2")]
    assert [await found(store, field=one) for one in lookups] == [[], [1], [1]]


async def test_a_page_says_how_many_there_are_in_all(store: Store) -> None:
    await asyncio.gather(*(live(store, kept(n)) for n in range(10)))
    for start, limit, numbers in (
        (0, 4, [9, 8, 7, 6]),
        (8, 4, [1, 0]),
        (6, 4, [3, 2, 1, 0]),
        (10, 4, []),
        (0, 0, []),
    ):
        page, count = await store.kept_envelopes(
            EnvelopeQuery(account_id=A1, start=start, limit=limit)
        )
        assert [int(one.id[-12:]) for one in page] == numbers
        assert count == 10


async def test_envelopes_come_back_from_a_list_as_they_were_kept(store: Store) -> None:
    await live(store, FULL)
    page, _ = await store.kept_envelopes(EnvelopeQuery(account_id=A1))
    assert page == [FULL]


async def test_a_question_beyond_all_bounds_is_refused(store: Store) -> None:
    await _some(store)
    for query in (
        EnvelopeQuery(account_id=A1, search_text="%" * 30_000),
        EnvelopeQuery(account_id=A1, moment_from=GRANDEST + 1),
        EnvelopeQuery(account_id="\ud800"),
    ):
        with pytest.raises(InvalidInputError):
            await store.kept_envelopes(query)
    assert await found(store, ids=tuple(envelope(n) for n in range(10_000))) == [5, 4, 3, 2, 1]


async def test_what_time_is_to_change_comes_up_the_longest_due_first(store: Store) -> None:
    for number, next_at in ((1, T0 + 3), (2, T0 + 1), (3, T0 + 2), (4, T0 + 4), (5, None)):
        await live(store, kept(number, next_at=next_at))

    due = await store.envelopes_due(T0 + 3, 10)

    assert [one.id for one in due] == [envelope(2), envelope(3), envelope(1)]
    assert [one.id for one in await store.envelopes_due(T0 + 3, 1)] == [envelope(2)]
    await live(store, kept(2, revision=2))
    assert [one.id for one in await store.envelopes_due(T0 + 2, 10)] == [envelope(3)]


# --- keeping and forgetting -----------------------------------------------------------------------


async def test_retention_leaves_envelopes_that_live_here_alone(store: Store, erp: int) -> None:
    lived = await live(
        store,
        kept(1),
        documents=(("1", b"d"),),
        recordings=(recording(here(1), erp, leased=[erp]),),
    )
    await settle(store, lived.recorded[0].leases[0])

    assert await store.forget_bodies(T0 + DAY, 10) == 1
    assert await store.forget(T0 + DAY, 10) == 1

    assert await store.notification(event_id(1)) is None
    assert await store.kept_envelope(A1, envelope(1)) == kept(1)
    assert await store.envelope_document(A1, envelope(1), "1") == b"d"


def _object(object_id: str, **changed: Any) -> KeptObject:
    plain = KeptObject(kind="template", account_id=A1, id=object_id, body=b"{}", updated_at=T0)
    return replace(plain, **changed)


async def test_an_object_is_kept_replaced_and_dropped(backend: Backend, store: Store) -> None:
    for one in (
        _object("b"),
        _object("a"),
        _object("c", kind="oauth"),
        _object("d", account_id=A2),
        _object("a", body=b"[1]", updated_at=T0 + 1),
    ):
        await store.keep_object(one)

    after = await backend.crash()

    changed = _object("a", body=b"[1]", updated_at=T0 + 1)
    assert await after.kept_objects("template", A1) == [changed, _object("b")]
    assert await after.kept_objects("template", A1, ["b", "c"]) == [_object("b")]
    assert await after.drop_object("template", A1, "a")
    assert not await after.drop_object("template", A1, "a")
    assert not await after.drop_object("template", A1, "c")
    assert await after.kept_objects("template", A1) == [_object("b")]
    assert await after.kept_objects("template", A2) == [_object("d", account_id=A2)]


async def test_what_is_done_to_an_object_is_audited_with_it(store: Store) -> None:
    put, dropped = (replace(AUDIT, verb=verb) for verb in ("put-it", "drop-it"))
    await store.keep_object(_object("a"), put)
    assert not await store.drop_object("template", A1, "b", dropped)
    assert await store.drop_object("template", A1, "a", dropped)
    audited = [entry.verb for _, entry in await store.audit_log(after=None, limit=10)]
    assert audited[:2] == ["drop-it", "put-it"]
    assert audited.count("drop-it") == 1


async def test_an_account_that_is_removed_takes_with_it_what_is_kept_of_it(store: Store) -> None:
    for account_id in (A1, A2):
        mine = kept(1, account_id=account_id, next_at=T0, fields=(("a", "b"),))
        await live(store, mine, documents=(("1", account_id.encode()),))
        await store.keep_object(_object("a", account_id=account_id))

    await store.change([RemoveAccount(account_id=A1)], AUDIT)

    assert await found(store) == []
    assert await store.envelope_document(A1, envelope(1), "1") is None
    assert await store.kept_objects("template", A1) == []
    assert [one.account_id for one in await store.envelopes_due(T0, 10)] == [A2]
    assert await found(store, A2, field=("a", "b")) == [1]
    assert await store.envelope_document(A2, envelope(1), "1") == A2.encode()
    assert await store.kept_objects("template", A2) == [_object("a", account_id=A2)]

    # Nothing of the old one shows through a new one of the same id.
    await live(store, kept(1))
    assert await found(store, field=("a", "b")) == []
    assert await store.envelope_document(A1, envelope(1), "1") is None
