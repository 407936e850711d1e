"""What kept traffic adds to the facts: read newest first, a bounded number of notifications."""

from collections.abc import AsyncIterator, Iterable, Sequence

from postroom.errors import InvalidInputError
from postroom.model import Account, Listener, Notification, Noun, Registry
from postroom.operations import beside
from postroom.operations.advising.facts import Told
from postroom.routing import grammar
from postroom.routing.advising import observed
from postroom.routing.advising.advice import MOST_INTEGRATIONS
from postroom.routing.advising.facts import Facts, Integration, Mark, Senders
from postroom.routing.advising.observed import Coverage, SharedNow, Telling
from postroom.routing.conditions import conjuncts, pinned_texts
from postroom.routing.match import Router
from postroom.storage.port import NotificationQuery, Store, StoredNotification

MOST_NOTIFICATIONS = 20_000
MOST_DAYS = 3_650
PAGE = 500
MOST_LINES = 200
_DAY_US = 24 * 60 * 60 * 1_000_000
_ABOUT_ALL = ("audit", "archive", "warehouse")
"""Words in a listener's name by which it is taken to want everything."""


class Seen(Noun, frozen=True, kw_only=True):
    """What recent traffic shows."""

    notifications: int
    envelopes: int
    is_cut: bool
    """True where there is more than was read: the newest were."""
    coverage: tuple[Coverage, ...]
    shared_now: tuple[SharedNow, ...]
    templates: dict[str, int]
    """How many envelopes came of each template, where the feed tells it."""
    completed: tuple[str, ...]
    contradictions: tuple[str, ...]


async def complete(
    store: Store, registry: Registry, told: Told, *, days: int, now: int
) -> tuple[Told, Seen]:
    """Return the facts completed by the traffic of so many days, and what it shows."""
    if not 1 <= days <= MOST_DAYS:
        raise InvalidInputError(f"days: from 1 to {MOST_DAYS}")
    # All but the reading in threads: this goes on for seconds, and others want to be served.
    router = await beside.reckon(Router, registry)
    telling, read = Telling(), 0
    accounts = {one.id for one in told.facts.accounts}
    async for page in _newest(store, now - days * _DAY_US):
        read += len(page)
        asked = [one.notification for one in page if one.notification.account_id in accounts]
        await beside.reckon(_take, telling, asked, router, registry)
    return await beside.reckon(_shown, told, telling, is_cut=read >= MOST_NOTIFICATIONS)


def _take(
    telling: Telling, notifications: Iterable[Notification], router: Router, registry: Registry
) -> None:
    for one in notifications:
        listeners = (registry.listeners[match.listener_id] for match in router.match(one).matches)
        telling.take(one, [listener.name for listener in listeners if _is_live(listener)])


def _shown(told: Told, telling: Telling, *, is_cut: bool) -> tuple[Told, Seen]:
    envelopes = telling.envelopes()
    checked = observed.check(told.facts, envelopes, guesses=True)
    templates: dict[str, int] = {}
    for template in (one for each in envelopes for one in each.templates):
        templates[template] = templates.get(template, 0) + 1
    seen = Seen(
        notifications=telling.notifications,
        envelopes=len(envelopes),
        is_cut=is_cut,
        coverage=observed.coverage(envelopes)[:MOST_LINES],
        shared_now=observed.shared(envelopes)[:MOST_LINES],
        templates=dict(sorted(templates.items(), key=lambda item: -item[1])[:MOST_LINES]),
        completed=checked.completed,
        contradictions=checked.contradictions,
    )
    return Told(facts=checked.facts, key_envs=told.key_envs), seen


async def _newest(store: Store, since: int) -> AsyncIterator[Sequence[StoredNotification]]:
    """Yield the newest notifications with their bodies, page by page, so many at most."""
    after, count = None, 0
    while count < MOST_NOTIFICATIONS:
        limit = min(PAGE, MOST_NOTIFICATIONS - count)
        query = NotificationQuery(received_from=since, after=after, limit=limit)
        rows = await store.traffic(query)
        if not rows:
            return
        yield rows
        count += len(rows)
        after = rows[-1].sequence


def told_by(registry: Registry) -> Told:
    """Return the facts that the listeners which are there tell by themselves.

    Raises `InvalidInputError` where there are none, or too many.
    """
    listeners = [one for one in registry.listeners.values() if _is_live(one)]
    names = {one.name.casefold() for one in listeners}
    if not listeners:
        raise InvalidInputError("there are no listeners to advise about; tell the facts instead")
    if len(listeners) > MOST_INTEGRATIONS or len(names) < len(listeners):
        raise InvalidInputError(
            f"there are more than {MOST_INTEGRATIONS} listeners, or several of one name; tell the"
            " facts of those you ask about"
        )
    used = {one.account_id for one in listeners}
    accounts = tuple(one for one in registry.accounts.values() if one.id in used)
    by_id = {one.id: one for one in accounts}
    integrations = tuple(_integration(one, by_id[one.account_id]) for one in listeners)
    # One of them for all: what two listeners compare differently can reach both.
    facts = Facts(
        accounts=accounts,
        integrations=integrations,
        comparison="loose" if any(one.comparison == "loose" for one in listeners) else "exact",
        field_policy="sticky"
        if any(one.field_policy == "sticky" for one in listeners)
        else "current",
    )
    return Told(facts=facts, key_envs={})


def _is_live(listener: Listener) -> bool:
    """Return whether it is a listener of its account that is sent what it wants."""
    return listener.scope == "account" and listener.is_active and listener.mode == "live"


def _integration(listener: Listener, account: Account) -> Integration:
    said = listener.users
    mark = _mark(listener, account)
    senders = Senders()
    if said is not None and said.kind == "only":
        senders = Senders(
            ids=said.ids, emails=said.emails, groups=said.groups, are_only_for_it=True
        )
    is_about_all = any(word in listener.name.casefold() for word in _ABOUT_ALL)
    return Integration(
        name=listener.name,
        url=listener.url,
        account_id=listener.account_id,
        events=listener.events,
        wants_all=is_about_all and listener.filter is None and said is None,
        senders=senders,
        mark=mark,
        also=None if _is_all_said(listener, account, mark) else listener.filter,
        except_users=said if said is not None and said.kind == "except" else None,
        environment=listener.environment,
    )


def _is_all_said(listener: Listener, account: Account, mark: Mark | None) -> bool:
    """Return whether a listener's filter asks for its mark, its environment and nothing else."""
    asked = {} if mark is None else {f"customFields.{mark.name}": mark.value}
    if listener.environment is not None and account.environment_field is not None:
        asked[f"customFields.{account.environment_field}"] = listener.environment
    return listener.filter is None or listener.filter == asked


def _mark(listener: Listener, account: Account) -> Mark | None:
    """Return the field on whose one value the listener's filter insists."""
    for node in conjuncts(grammar.read(listener.filter).node):
        pinned = pinned_texts(node)
        is_one = pinned is not None and len(pinned[1]) == 1
        if pinned is not None and is_one and pinned[0] != account.environment_field:
            return Mark(name=pinned[0], value=pinned[1][0], is_set="always")
    return None
