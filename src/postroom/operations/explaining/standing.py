"""How a listener stands, as far as it bears on what it gets: off, paused, down, behind, changed."""

from collections import Counter
from collections.abc import AsyncIterator

from postroom.model import DeliveryState, Listener
from postroom.operations.explaining.tally import Tally
from postroom.operations.explaining.unseen import cause
from postroom.operations.views import moment
from postroom.storage.port import DeliveryQuery, NotificationQuery, Rejection, Store

PAGE = 1000
MOST_REJECTIONS = 10_000
MOST_AUDITED = 5000
MOST_CHANGES = 10
SHOWN = 3


async def circumstances(
    store: Store, listener: Listener, since: int, tally: Tally
) -> AsyncIterator[str]:
    """Yield in sentences what keeps things from a listener besides its conditions."""
    for sentence in _said(listener):
        yield sentence
    for sentence in await _state(store, listener):
        yield sentence
    for sentence in await _backlog(store, listener):
        yield sentence
    if not tally.looked_at:
        yield await _no_traffic(store, listener.account_id, since)
    for sentence in await _refused(store, listener.account_id, since):
        yield sentence
    for sentence in await _changes(store, listener, since):
        yield sentence


def _said(one: Listener) -> list[str]:
    found = []
    if not one.is_active:
        off = "allowEnvelopePublish is false" if one.configuration is not None else "it is off"
        found.append(f"it is switched off ({off}): it wants nothing")
    if one.mode == "shadow":
        found.append("it is a shadow: what it wants is recorded and never sent")
    if one.scope == "envelope":
        found.append("it is an eventNotification: only envelopes that carry it reach it")
    if one.configuration is not None and not one.events:
        found.append("its configuration names no events, so it fires for none")
    return found


async def _state(store: Store, listener: Listener) -> list[str]:
    state = (await store.states()).get(listener.id)
    if state is None:
        return []
    found = []
    if state.paused_at is not None:
        found.append(
            f"it is paused since {moment(state.paused_at)}: nothing is sent until "
            f"`postroom listeners resume {listener.name}`"
        )
    if state.down_since is not None:
        probe = "" if state.probe_at is None else f"; it is tried at {moment(state.probe_at)}"
        last = await _last_failure(store, listener)
        found.append(f"it is down since {moment(state.down_since)}{last}{probe}")
    return found


async def _last_failure(store: Store, listener: Listener) -> str:
    """Return how the last try that failed went."""
    rows = await store.deliveries(
        DeliveryQuery(
            listener_id=listener.id,
            states=(DeliveryState.DUE, DeliveryState.GIVEN_UP),
            limit=100,
        )
    )
    tried = [row for row in rows if row.attempts]
    if not tried:
        return ""
    attempts = await store.attempts(tried[0].id)
    if not attempts:
        return ""
    last = attempts[-1]
    answer = f"answered {last.status}" if last.status else f"failed: {last.failure}, {last.detail}"
    return f"; the last try, at {moment(last.started_at)}, {answer}"


async def _backlog(store: Store, listener: Listener) -> list[str]:
    counts = await store.counts()
    own = next((one for one in counts.backlog if one.listener_id == listener.id), None)
    if own is None:
        return []
    found = []
    if own.due or own.waiting:
        oldest = own.oldest_received_at
        since = "" if oldest is None else f", the oldest came at {moment(oldest)}"
        found.append(f"on their way to it: {own.due + own.waiting:,}{since}")
    name = listener.name
    if own.held:
        found.append(f"held: {own.held:,}; see `postroom held --listener {name}`")
    if own.crossed:
        found.append(f"crossed with others of its lane: {own.crossed:,}; see `postroom crossed`")
    if own.given_up:
        found.append(f"given up: {own.given_up:,}; see `postroom failures --listener {name}`")
    return found


async def _no_traffic(store: Store, account: str, since: int) -> str:
    rows = await store.notifications(
        NotificationQuery(account_id=account, received_until=since, limit=1)
    )
    if rows:
        at = moment(rows[0].notification.received_at)
        return (
            f"nothing came for account {account} since {moment(since)}; the last notification "
            f"came at {at}: is the Connect configuration still active, and does it point here?"
        )
    return (
        f"nothing has ever come for account {account}: is there a Connect configuration that "
        "points here?"
    )


async def _refused(store: Store, account: str, since: int) -> list[str]:
    """Tell what was refused at the front door, where it can have been this account's."""
    causes: Counter[str] = Counter()
    unnamed = 0
    async for one in _rejections(store, since):
        if one.account_id == account:
            causes[cause(one)] += 1
        elif one.account_id is None:
            unnamed += 1
    found = []
    if causes:
        told = "; ".join(f"{count:,} times: {why}" for why, count in causes.most_common(SHOWN))
        found.append(
            f"refused at the front door, of the account: {causes.total():,} ({told}); "
            "see `postroom rejections`"
        )
    if unnamed:
        found.append(f"refused at the front door, of an account that was not told: {unnamed:,}")
    return found


async def _rejections(store: Store, since: int) -> AsyncIterator[Rejection]:
    after, seen = None, 0
    while seen < MOST_REJECTIONS:
        page = await store.rejections(after=after, limit=PAGE)
        for _, one in page:
            if one.at < since:
                return
            yield one
        if not page:
            return
        after, seen = page[-1][0], seen + len(page)


async def _changes(store: Store, listener: Listener, since: int) -> list[str]:
    """Tell who changed it since; of the audit log, the newest entries."""
    found: list[str] = []
    after, seen = None, 0
    while seen < MOST_AUDITED and len(found) < MOST_CHANGES:
        page = await store.audit_log(after=after, limit=PAGE)
        for _, entry in page:
            if entry.at < since:
                return found
            done = _done_to(listener, entry.verb, entry.details)
            if done is not None:
                found.append(f"it was {done} at {moment(entry.at)} by {entry.actor}")
        if not page:
            break
        after, seen = page[-1][0], seen + len(page)
    return found[:MOST_CHANGES]


def _done_to(listener: Listener, verb: str, details: object) -> str | None:
    if verb == "apply" and isinstance(details, list):
        # An apply names a listener without its account: one of the same name may be meant.
        for action in ("added", "changed", "removed"):
            if f"{action} listener {listener.name}" in details:
                return action
    if isinstance(details, dict) and details.get("listener") == listener.name:
        is_own = details.get("account") in {None, listener.account_id}
        done = {"pause-listener": "paused", "resume-listener": "resumed"}.get(verb)
        return done if is_own else None
    return None
