"""Reconcile: what happened on the account and never arrived, and what to do about it.

What an envelope proves to have happened (`esign.derived`) is compared with what is kept of it.
What is missing can be made up, once, on the same road as what arrives.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from postroom.clock import SECOND
from postroom.errors import ConflictError, InvalidInputError, UnavailableError
from postroom.esign import derived, listing
from postroom.esign.access import Access, access_of
from postroom.esign.account import Accounts, Failure
from postroom.esign.listing import Listed
from postroom.model import Account, Json, Notification, Noun, Registry
from postroom.operations import names
from postroom.operations.notifications import spelled
from postroom.operations.reconciling.kept import Kept
from postroom.operations.reconciling.odd import odd_ones
from postroom.operations.views import moment, read_moment
from postroom.routing.match import Router
from postroom.storage.port import AuditEntry, KeptObject, Store

KIND = "reconcile"
LAST = "last"
MOST_LISTED = 1000
"""Missing events that are listed one by one; beyond, they are counted."""
MOST_REMEMBERED = 100_000
"""Envelopes remembered to be on the account; it is asked about any other that something came of."""
DAY = 24 * 3600 * SECOND


class Opener(Protocol):
    """What opens sealed secrets."""

    def open(self, sealed: bytes) -> str:
        """Return the text that was sealed."""
        ...


class Injector(Protocol):
    """The road, for events that are made up: `pipeline.Road.enact` without an envelope."""

    async def __call__(self, envelope: None, notifications: Sequence[Notification]) -> bool:
        """Record notifications with all they owe, each in one transaction."""
        ...


class Wanted(Noun, frozen=True, kw_only=True):
    """What to compare."""

    account: str
    since: str
    """ISO 8601, as `until`."""
    until: str | None = None
    events: tuple[str, ...] = ()
    """Those that the account's feed has told or a listener names, unless given."""


class Missing(Noun, frozen=True, kw_only=True):
    """An event that never arrived."""

    envelope_id: str
    event: str
    recipient_id: str | None
    occurred_at: str
    notification_id: str
    """The id it has, or would have, once it is here."""
    wanted_by: tuple[str, ...]
    """The listeners that get it, or would; held and crossed ones too."""
    is_injected: bool


class Progress(Noun, frozen=True, kw_only=True):
    """How far a comparison is."""

    envelopes: int
    missing: int
    injected: int


class Reconciled(Noun, frozen=True, kw_only=True):
    """What a comparison came to. Nothing is left out silently."""

    account_id: str
    since: str
    until: str
    """Events after it were not looked for: they may be on their way."""
    events: tuple[str, ...]
    """Those that were looked for."""
    envelopes: int
    """Looked at on the account."""
    missing: int
    injected: int
    items: tuple[Missing, ...]
    """The first 1,000 of what is missing."""
    unknown: tuple[str, ...]
    """Envelopes of which something arrived and which the account does not know, up to 1,000."""
    not_looked_for: dict[str, int]
    """Events that happened on the account and that its feed has never told, with their number."""
    problem: str | None
    """Why the account did not tell all; None where it did."""


async def reconcile(  # noqa: PLR0913  # what is compared, by what, how far it goes, and who says so
    store: Store,
    vault: Opener,
    accounts: Accounts,
    wanted: Wanted,
    *,
    injector: Injector | None = None,
    retention_days: float = 0,
    now: int,
    actor: str,
    told: Callable[[Progress], None] | None = None,
) -> Reconciled:
    """Compare an account's envelopes with what arrived; make up what is missing by `injector`.

    Asked again it makes up nothing twice, and the late arrival of an event that was made up is a
    repeat of it. Raises `NotFoundError` for an account there is not, `ConflictError` for one
    without `enrichment`, `InvalidInputError` for a window that cannot be, `UnavailableError`
    where the account tells nothing at all.
    """
    registry = await store.registry()
    account = names.account(registry, wanted.account)
    access = await _access(store, vault, account, now)
    since, until = _window(wanted, now, retention_days)
    kept = Kept(store, account.id)
    comparison = _Comparison(
        kept,
        registry,
        injector,
        _Scope(
            account_id=account.id,
            since=since,
            until=until,
            events=await _events(wanted, kept, registry),
            is_xml_feed=await kept.is_xml_feed(),
            now=now,
        ),
    )
    if injector is not None:
        await _note(store, account, "begin-reconcile", {"since": moment(since)}, now, actor)
    problem = await comparison.run(accounts, access, told)
    if problem is not None and comparison.envelopes == 0:
        raise UnavailableError(problem)
    unknown: tuple[str, ...] = ()
    if problem is None:
        found = await odd_ones(store, accounts, access, comparison.listed, since=since, until=until)
        unknown, problem = found.unknown[:MOST_LISTED], found.problem
    done = comparison.result(unknown, problem)
    if injector is not None:
        details = {"since": done.since, "until": done.until, "injected": done.injected}
        await _note(store, account, "reconcile", details, now, actor)
    return done


class _Scope(Noun, frozen=True, kw_only=True):
    account_id: str
    since: int
    until: int
    events: frozenset[str]
    is_xml_feed: bool
    now: int


class _Comparison:
    """One comparison under way: what was found so far, in bounded memory."""

    def __init__(
        self, kept: Kept, registry: Registry, injector: Injector | None, scope: _Scope
    ) -> None:
        self._kept = kept
        self._registry = registry
        self._router = Router(registry)
        self._injector = injector
        self._scope = scope
        self.listed: dict[str, None] = {}
        """The envelopes the account was seen to have; the first so many."""
        self.envelopes = 0
        self._missing = self._injected = 0
        self._items: list[Missing] = []
        self._beside: dict[str, int] = {}

    async def run(
        self, accounts: Accounts, access: Access, told: Callable[[Progress], None] | None
    ) -> str | None:
        """Go through the account; return why it did not tell all, if so."""
        scope = self._scope
        async for page in listing.touched(accounts, access, since=scope.since):
            if isinstance(page, Failure):
                until = f"; not before {moment(page.retry_at)}" if page.retry_at else ""
                return f"{page.reason}{until}"
            for one in page:
                await self._compare(one)
            if told is not None:
                told(
                    Progress(
                        envelopes=self.envelopes, missing=self._missing, injected=self._injected
                    )
                )
        return None

    async def _compare(self, listed: Listed) -> None:
        scope = self._scope
        if listed.envelope_id in self.listed:
            return  # it has changed while the list was read, and so stands there twice
        self.envelopes += 1
        if len(self.listed) < MOST_REMEMBERED:
            self.listed[listed.envelope_id] = None
        envelope = derived.envelope_of(
            listed.summary,
            account_id=scope.account_id,
            envelope_id=listed.envelope_id,
            at=listed.changed_at or scope.now,
        )
        happened = [one for one in derived.proved(envelope) if scope.since <= one.at < scope.until]
        for one in happened:
            if one.event not in scope.events:
                self._beside[one.event] = self._beside.get(one.event, 0) + 1
        happened = [one for one in happened if one.event in scope.events]
        if not happened:
            return
        arrived = await self._kept.arrived(listed.envelope_id)
        missing = [
            derived.notification(
                envelope, one, listed.summary, is_xml_feed=scope.is_xml_feed, now=scope.now
            )
            for one in happened
            if (one.event, one.recipient_id) not in arrived
            and (one.event, derived.guid_of(envelope, one.recipient_id)) not in arrived
        ]
        await self._take(missing)

    async def _take(self, missing: Sequence[Notification]) -> None:
        """Note what is missing of one envelope, and make it up where that is wanted."""
        if not missing:
            return
        if self._injector is not None:
            await self._injector(None, missing)
            self._injected += len(missing)
        self._missing += len(missing)
        room = MOST_LISTED - len(self._items)
        self._items += [self._view(one) for one in missing[:room]]

    def _view(self, one: Notification) -> Missing:
        listeners = self._registry.listeners
        matches = self._router.match(one).matches
        return Missing(
            envelope_id=one.envelope_id or "",
            event=one.event,
            recipient_id=one.recipient_id,
            occurred_at=moment(one.occurred_at),
            notification_id=one.id,
            wanted_by=tuple(listeners[match.listener_id].name for match in matches),
            is_injected=self._injector is not None,
        )

    def result(self, unknown: tuple[str, ...], problem: str | None) -> Reconciled:
        """Return what it came to."""
        return Reconciled(
            account_id=self._scope.account_id,
            since=moment(self._scope.since),
            until=moment(self._scope.until),
            events=tuple(one for one in derived.EVENTS if one in self._scope.events),
            envelopes=self.envelopes,
            missing=self._missing,
            injected=self._injected,
            items=tuple(self._items),
            unknown=unknown,
            not_looked_for=dict(sorted(self._beside.items())),
            problem=problem,
        )


async def _access(store: Store, vault: Opener, account: Account, now: int) -> Access:
    key = account.enrichment.token_key if account.enrichment else None
    sealed = [
        one
        for one in await store.secrets()
        if one.id == key and (one.retired_at is None or one.retired_at > now)
    ]
    access = access_of(account, vault.open(sealed[0].sealed)) if sealed else None
    if access is None:
        raise ConflictError(
            f"nothing says how to ask account {account.name or account.id}; give it enrichment:"
            " in connect.yaml and apply it"
        )
    return access


def _window(wanted: Wanted, now: int, retention_days: float) -> tuple[int, int]:
    """Return the window in which to look for events. Raises `InvalidInputError`."""
    since = read_moment(wanted.since, "since")
    until = read_moment(wanted.until, "until")
    settled = now - derived.ON_ITS_WAY_SECONDS * SECOND
    until = settled if until is None else min(until, settled)
    if since is None or since < 0 or since >= until:
        raise InvalidInputError(
            "since: give a moment before until, and at least five minutes ago: what is younger"
            " may still arrive by itself"
        )
    if retention_days and since < now - round(retention_days * DAY):
        raise InvalidInputError(
            f"since: of what arrived more than {retention_days:g} days ago nothing is kept"
            " (row_retention_days), so it cannot be told from what never arrived"
        )
    return since, until


async def _events(wanted: Wanted, kept: Kept, registry: Registry) -> frozenset[str]:
    """Return the events to look for: those asked for, or those that the feed tells or should."""
    if wanted.events:
        asked = frozenset(spelled(wanted.events))
        if stray := sorted(asked.difference(derived.EVENTS)):
            raise InvalidInputError(
                f"events: an envelope does not prove {', '.join(stray)[:200]}; choose from"
                f" {', '.join(derived.EVENTS)}"
            )
        return asked
    named = {
        event
        for one in registry.listeners.values()
        if one.account_id == kept.account_id and one.is_active and one.scope == "account"
        for event in one.events
    }
    seen = {event for event in derived.EVENTS if event in named or await kept.has_told(event)}
    return frozenset(seen or derived.EVENTS)


async def _note(
    store: Store, account: Account, verb: str, details: dict[str, Json], now: int, actor: str
) -> None:
    """Write in the audit log who makes up what."""
    body = {"account": account.id, **details}
    await store.keep_object(
        KeptObject(
            kind=KIND,
            account_id=account.id,
            id=LAST,
            body=msgspec.json.encode(body),
            updated_at=now,
        ),
        AuditEntry(at=now, actor=actor, verb=verb, details=body),
    )
