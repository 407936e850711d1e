"""A feed of aggregate XML on the road: every event once, whatever is cut off or comes at once."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.cast import A1, KA1, docusign_signature
from tests.contract.wire import answers, ok, server
from tests.flow.gatehouse import START, Gatehouse
from tests.unit.legacy_cast import ACCOUNT, ENVELOPE, SECOND, envelope, recipient

from postroom.envelopes.legacy_xml import envelope_xml
from postroom.intake import normalise
from postroom.model import DeliveryState, new_token
from postroom.pipeline import Arrival, Taken
from postroom.storage.port import DeliveryQuery, NotificationQuery, Recording

TOLD = ["envelope-sent", "recipient-sent", "recipient-delivered"]
CONTENT_TYPE = "text/xml"
DISMISSED, DELIVERED, HELD = DeliveryState.DISMISSED, DeliveryState.DELIVERED, DeliveryState.HELD


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Gatehouse]:
    one = Gatehouse(tmp_path)
    await one.open()
    yield one
    await one.close()


def state(number: int = 1) -> bytes:
    """Return a message: sent, and opened by the first of two; made `number` seconds before now."""
    at = START - number * SECOND
    opened = recipient(1, status="delivered", sent_at=at - 60 * SECOND, delivered_at=at)
    moments: dict[str, Any] = {"sent_at": at - 60 * SECOND, "created_at": at - 90 * SECOND}
    return envelope_xml(
        envelope(
            status="sent",
            recipients=(opened, recipient(2)),
            delivered_at=None,
            completed_at=None,
            **moments,
        ),
        at=at,
        extras=("time_zone",),
    )


async def take(house: Gatehouse, body: bytes) -> Taken:
    taken = await house.road.accept(
        Arrival(
            body=body,
            content_type=CONTENT_TYPE,
            path_account=ACCOUNT,
            header_account=None,
            algorithm="HMACSHA256",
            signatures=(docusign_signature(KA1, body),),
            remote="127.0.0.1",
        ),
        house.worker,
    )
    assert isinstance(taken, Taken)
    return taken


async def kept(house: Gatehouse) -> list[str]:
    rows = await house.store.notifications(NotificationQuery(oldest_first=True))
    return [row.notification.event for row in rows]


async def owed(house: Gatehouse) -> list[tuple[str, DeliveryState]]:
    rows = await house.store.deliveries(DeliveryQuery(oldest_first=True))
    return [(row.event, row.state) for row in rows]


async def test_a_state_is_kept_as_each_of_its_events_and_sent_once_as_it_came(
    house: Gatehouse,
) -> None:
    seen: list[tuple[bytes, bytes]] = []
    async with server(answers(ok(), seen=seen)) as port:
        await house.listen("raw", port)
        assert not (await take(house, state())).is_duplicate
        await house.until(lambda states: DELIVERED in states)
    assert await kept(house) == TOLD
    assert await owed(house) == [(TOLD[0], DISMISSED), (TOLD[1], DISMISSED), (TOLD[2], DELIVERED)]
    assert [body for _, body in seen] == [state()]


async def test_cut_off_between_two_events_the_resend_adds_only_the_rest(house: Gatehouse) -> None:
    seen: list[tuple[bytes, bytes]] = []
    async with server(answers(ok(), seen=seen)) as port:
        await house.listen("new", port, format="sim", include=())
        read = normalise.normalise(
            state(), account_id=A1, content_type=CONTENT_TYPE, received_at=START
        )
        unfolded = normalise.unfold(read, None)
        assert unfolded is not None
        first = unfolded.notifications[0]
        routing = house.keeper.current.router.match(first)
        # What a node that was killed here leaves behind: one event, and no snapshot.
        await house.store.record(
            Recording(
                notification=first,
                matches=routing.matches,
                is_unclaimed=False,
                registry_revision=await house.store.revision(),
                token=new_token(),
                leased_until=START,
            )
        )
        assert not (await take(house, state())).is_duplicate
        assert (await take(house, state())).is_duplicate
        house.worker.roster_changed()
        await house.until(lambda states: states == [DELIVERED] * 3)
    assert await kept(house) == TOLD
    assert len(seen) == 3


async def test_states_of_one_envelope_that_come_at_once_tell_each_event_once(
    house: Gatehouse,
) -> None:
    async with server(answers(ok())) as port:
        await house.listen("raw", port)
        await house.listen("new", port, format="sim", include=())
        taken = await asyncio.gather(*(take(house, state()) for _ in range(8)))
        await house.until(lambda states: states.count(DELIVERED) == 4)
    assert sorted(one.is_duplicate for one in taken) == [False, *([True] * 7)]
    assert Counter(await kept(house)) == Counter(TOLD)


async def test_a_state_that_cannot_be_decided_is_held_once(house: Gatehouse) -> None:
    doubtful = {"envelope.transactionId": "T-7"}
    await house.listen("raw", 9, filter=doubtful)
    await house.listen("new", 9, filter=doubtful, format="sim")
    await take(house, state())
    states = Counter(state for _, state in await owed(house))
    assert states == {HELD: 4, DISMISSED: 2}


async def test_the_state_before_is_remembered_under_the_envelopes_id(house: Gatehouse) -> None:
    await take(house, state(2))
    await take(house, state(1))
    (snapshot,) = await house.store.kept_objects("snapshot", A1)
    assert (snapshot.id, len(await kept(house))) == (ENVELOPE, 3)
