"""What was taken in, what became of it, and why: lists, pages, near misses, explanations."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.cast import A1, A2, U123, envelope_id
from tests.flow.registry_office import (
    GIVEN_UP,
    RegistryOffice,
    listener,
    registry_office,
)

from postroom.clock import SECOND
from postroom.errors import InvalidInputError, NotFoundError
from postroom.operations import deliveries, health, held, listeners, notifications, views
from postroom.operations.explain import ListenerExplanation, explain
from postroom.storage.port import Store

SALESFORCE = {"customFields.Integration": "Salesforce"}


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[RegistryOffice]:
    async with registry_office(tmp_path) as one:
        yield one


async def why(desk: RegistryOffice, notification: str, name: str) -> ListenerExplanation:
    (one,) = (await explain(desk.store, notification, listener=name)).listeners
    return one


async def test_every_listener_of_the_account_has_an_answer(desk: RegistryOffice) -> None:
    await desk.apply(
        listener("all"),
        listener("declines", events=["declined"]),
        listener("erp", filter={"customFields.Integration": "ERP"}),
        listener("uk", account=A2),
    )
    notification = await desk.feed(1, Integration="Salesforce")
    answer = await explain(desk.store, notification)
    assert [(one.listener, one.outcome) for one in answer.listeners] == [
        ("all", "pending"),
        ("declines", "not_wanted"),
        ("erp", "not_wanted"),
    ]
    last = answer.listeners[2].findings[-1]
    assert (last.truth, last.seen) == ("no", "Salesforce")
    assert "customFields.Integration" in last.condition


async def test_what_became_of_it_is_said_at_every_stage(desk: RegistryOffice) -> None:
    await desk.apply(listener("all"))
    notification = await desk.feed(1)
    assert (await why(desk, notification, "all")).summary.startswith("about to be sent")
    await desk.deliver("all", GIVEN_UP, status=503)
    gave_up = await why(desk, notification, "all")
    assert gave_up.outcome == "given_up"
    assert "given up after 1 attempt: the retry profile has ended" in gave_up.summary
    second = await desk.feed(2)
    await desk.deliver("all")
    assert (await why(desk, second, "all")).summary.startswith("delivered after 1 attempt")


async def test_a_sender_somebody_else_has_is_shown_as_seen(desk: RegistryOffice) -> None:
    await desk.apply(listener("mine", users={"only": [U123.email]}))
    notification = await desk.feed(1)
    findings = (await why(desk, notification, "mine")).findings
    assert findings[-1].truth == "no"
    assert "alice@example.com" in str(findings[-1].seen)


async def test_what_cannot_be_decided_says_which_include_is_lacking(desk: RegistryOffice) -> None:
    await desk.apply(listener("sf", filter=SALESFORCE))
    notification = await desk.feed(1, include=())
    answer = await why(desk, notification, "sf")
    assert (answer.outcome, answer.findings[-1].truth) == ("held", "unknown")
    assert "custom_fields" in answer.summary


async def test_it_goes_by_the_listener_as_it_stood_then(desk: RegistryOffice) -> None:
    await desk.apply(listener("sf", filter=SALESFORCE))
    notification = await desk.feed(1, Integration="ERP")
    await desk.apply(listener("sf"))
    assert (await why(desk, notification, "sf")).outcome == "not_wanted"
    later = await desk.feed(2, Integration="ERP")
    assert (await why(desk, later, "sf")).outcome == "pending"
    await listeners.remove_listener(desk.store, "sf", now=desk.now, actor="grace")
    assert (await why(desk, notification, "sf")).outcome == "not_wanted"


async def test_without_its_body_it_says_that_it_cannot_be_recomputed(
    desk: RegistryOffice,
) -> None:
    await desk.apply(listener("all"), listener("sf", filter=SALESFORCE))
    notification = await desk.feed(1)
    await desk.deliver("all")
    await desk.store.forget_bodies(desk.now + SECOND, 10)
    assert (await why(desk, notification, "all")).outcome == "delivered"
    gone = await why(desk, notification, "sf")
    assert (gone.outcome, gone.findings) == ("unknown", ())
    assert "past retention" in gone.summary
    shown = await notifications.show_notification(desk.store, notification)
    assert (shown.has_body, shown.message) == (False, None)


async def test_an_unreadable_one_is_listed_and_explained_with_its_flaw(
    desk: RegistryOffice,
) -> None:
    await desk.apply(listener("all"))
    notification = await desk.take(b"\xff{not json")
    (listed,) = (await notifications.list_unreadable(desk.store)).items
    assert (listed.id, listed.is_readable) == (notification, False)
    answer = await why(desk, notification, "all")
    assert str(listed.flaw) in answer.summary
    assert (await notifications.show_notification(desk.store, notification)).message is None
    assert (await health.health(desk.store)).store.unreadable == 1


async def test_what_nobody_wanted_is_listed_with_who_nearly_did(desk: RegistryOffice) -> None:
    await desk.apply(listener("sf", filter=SALESFORCE))
    notification = await desk.feed(1, Integration="salesforce ")
    (one,) = (await notifications.list_unclaimed(desk.store)).items
    assert (one.id, one.is_unclaimed) == (notification, True)
    wish = 'sf wants customFields.Integration = "Salesforce", saw "salesforce "'
    assert one.near_misses == (wish,)


async def test_a_second_arrival_is_a_repeat_not_a_second_delivery(desk: RegistryOffice) -> None:
    await desk.apply(listener("all"))
    notification = await desk.feed(1)
    stored = await notifications.find(desk.store, notification)
    assert await desk.take(stored.notification.body) == notification
    shown = await notifications.show_notification(desk.store, notification)
    assert (len(shown.deliveries), len(shown.repeats), shown.notification.repeats) == (1, 1, 1)
    assert shown.message["event"] == "envelope-completed"


async def test_a_delivery_shows_every_attempt_as_it_went(desk: RegistryOffice) -> None:
    await desk.apply(listener("all"))
    await desk.feed(1)
    await desk.deliver("all", GIVEN_UP, status=503)
    (failed,) = (await deliveries.list_failures(desk.store)).items
    assert failed.last_status == 503
    (attempt,) = (await deliveries.show_delivery(desk.store, failed.id)).attempts
    assert (attempt.number, attempt.status, attempt.duration_ms) == (1, 503, 1.5)
    assert (attempt.response_excerpt, attempt.verdict) == ("busy", "give-up")


async def test_lists_are_narrowed_by_what_people_know(desk: RegistryOffice) -> None:
    await desk.apply(listener("all"))
    first = await desk.feed(1, "envelope-sent")
    border = views.moment(desk.now + SECOND)
    second = await desk.feed(2)
    narrowings: list[tuple[dict[str, Any], list[str]]] = [
        ({"account": "Acme Corp"}, [second, first]),
        ({"account": A2}, []),
        ({"envelope": envelope_id(1).upper()}, [first]),
        ({"events": ("Completed",)}, [second]),
        ({"received_from": border}, [second]),
        ({"received_until": border}, [first]),
    ]
    for narrowing, wanted in narrowings:
        listed = (await notifications.list_notifications(desk.store, **narrowing)).items
        assert [one.id for one in listed] == wanted, narrowing
        owed = (await deliveries.list_deliveries(desk.store, **narrowing)).items
        assert [one.notification_id for one in owed] == wanted, narrowing


async def test_pages_together_are_the_whole_list_once(desk: RegistryOffice) -> None:
    await desk.apply(listener("all"))
    ids = [await desk.feed(number) for number in range(1, 6)]
    seen: list[str] = []
    after: str | None = None
    while True:
        page = await notifications.list_notifications(desk.store, after=after, limit=2)
        seen += [one.id for one in page.items]
        after = page.next_after
        if after is None:
            break
    assert seen == ids[::-1]


@pytest.mark.parametrize("after", ["", "-1", "abc", "1.5", "٣", "9" * 19, "9" * 400])
async def test_a_cursor_that_is_not_ours_is_refused(desk: RegistryOffice, after: str) -> None:
    with pytest.raises(InvalidInputError, match="next_after"):
        await notifications.list_notifications(desk.store, after=after)


@pytest.mark.parametrize("limit", [0, -1, 1001])
async def test_a_limit_out_of_bounds_is_refused(desk: RegistryOffice, limit: int) -> None:
    with pytest.raises(InvalidInputError, match="limit"):
        await deliveries.list_deliveries(desk.store, limit=limit)


async def test_what_does_not_exist_is_refused_with_the_list_to_look_at(
    desk: RegistryOffice,
) -> None:
    with pytest.raises(NotFoundError, match="postroom notifications"):
        await explain(desk.store, "evt_none")
    with pytest.raises(NotFoundError, match="postroom deliveries"):
        await deliveries.show_delivery(desk.store, 7)
    with pytest.raises(NotFoundError, match="postroom deliveries"):
        await deliveries.show_delivery(desk.store, 2**63)


@pytest.mark.parametrize("text", ["", "\x00", "\udcff", "x" * 201], ids=repr)
@pytest.mark.parametrize(
    "look",
    [
        explain,
        notifications.show_notification,
        lambda store, text: notifications.list_notifications(store, envelope=text),
        lambda store, text: notifications.list_notifications(store, sender=text),
        lambda store, text: notifications.list_notifications(store, events=(text,)),
        lambda store, text: deliveries.list_deliveries(store, envelope=text),
        lambda store, text: deliveries.list_deliveries(store, notification=text),
    ],
    ids=["explain", "show", "envelope", "sender", "events", "owed-envelope", "owed-notification"],
)
async def test_what_nothing_is_called_never_stands_for_everything(
    desk: RegistryOffice, look: Callable[[Store, str], Awaitable[object]], text: str
) -> None:
    await desk.apply(listener("all"))
    await desk.feed(1)
    with pytest.raises(InvalidInputError, match="names nothing"):
        await look(desk.store, text)


async def test_an_empty_listener_never_stands_for_all_of_them(desk: RegistryOffice) -> None:
    await desk.apply(listener("all"))
    for look in (deliveries.list_deliveries, deliveries.list_failures, held.list_held):
        with pytest.raises(NotFoundError, match="postroom listeners"):
            await look(desk.store, listener="")


async def test_health_counts_what_waits_for_a_person(desk: RegistryOffice) -> None:
    await desk.apply(listener("all", events=["completed"]), listener("sf", filter=SALESFORCE))
    assert (await health.health(desk.store)).state == "ok"
    await desk.feed(1, include=())
    oldest = views.moment(desk.now)
    await desk.feed(2, "envelope-sent", Integration="ERP")
    found = await health.health(desk.store)
    assert (found.state, found.owed, found.held, found.unclaimed) == ("attention", 1, 1, 1)
    assert found.oldest_received_at == oldest
    assert {one.listener: (one.due, one.held) for one in found.backlog} == {
        "all": (1, 0),
        "sf": (0, 1),
    }
    await desk.deliver("all", GIVEN_UP, status=500)
    assert (await health.health(desk.store)).failures == 1


async def test_health_counts_the_failures_that_are_listed_also_of_removed_listeners(
    desk: RegistryOffice,
) -> None:
    await desk.apply(listener("all"))
    await desk.feed(1)
    await desk.deliver("all", GIVEN_UP, status=500)
    await listeners.remove_listener(desk.store, "all", now=desk.now, actor="grace")
    listed = (await deliveries.list_failures(desk.store)).items
    assert (await health.health(desk.store)).failures == len(listed) == 1


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_772_442_000_123_456, "2026-03-02T09:00:00.123Z"),
    ],
)
def test_moments_are_written_in_utc_and_read_back(at: int, text: str) -> None:
    assert views.moment(at) == text
    assert views.read_moment(text, "at") == at // 1000 * 1000


@pytest.mark.parametrize("text", ["2026-03-02T10:00:00+01:00", "2026-03-02T09:00:00", A1])
def test_a_moment_without_an_offset_is_utc_and_anything_else_is_refused(text: str) -> None:
    if text == A1:
        with pytest.raises(InvalidInputError, match=r"from: .* write it as"):
            views.read_moment(text, "from")
    else:
        assert views.read_moment(text, "from") == 1_772_442_000_000_000
