"""The enricher: fetches what a feed leaves out, so that held deliveries can be decided.

`esign.account` keeps to what the account allows: one status call per envelope in 15 minutes, so
one answer serves every notification of the envelope for that long.

Of many nodes one enriches. What an account refuses as a whole is kept in the store and stays so
when another takes over; the tries of an envelope begin anew then, as after a restart.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from postroom import observe
from postroom.clock import SECOND, Clock
from postroom.esign import standing
from postroom.esign.access import Access, access_of
from postroom.esign.account import Accounts, Failure
from postroom.esign.standing import Standing
from postroom.model import DeliveryState, Match, Noun, OwedState, Routing
from postroom.roster import Roster
from postroom.routing.match import Router
from postroom.storage.port import Decision, DeliveryQuery, Store, StoredDelivery

RETRY_SECONDS = (5, 60, 300, 900, 3600)
"""The delays after a failed fetch; after the last one the delivery stays held for a person.
What fails for the whole account is tried again for as long as it fails."""
BATCH = 100
REMEMBERED = 10_000
"""Notifications remembered at once; the oldest are forgotten first."""


Key = TypeVar("Key")
Value = TypeVar("Value")


class _Wait(Noun, frozen=True, kw_only=True):
    tries: int
    until: int


class Enricher:
    """Decides held deliveries of accounts that say where their envelopes can be read."""

    def __init__(
        self, *, store: Store, clock: Clock, roster: Callable[[], Roster], accounts: Accounts
    ) -> None:
        self._store = store
        self._clock = clock
        self._roster = roster
        self._accounts = accounts
        self._waits: OrderedDict[str, _Wait] = OrderedDict()
        self._router: tuple[int, Router] | None = None
        self._standings: dict[str, Standing] = {}
        """As last written, by account id."""
        self._accesses: dict[str, Access] = {}

    def stand_by(self) -> None:
        """Leave it to another node, who writes down how the accounts stand: read that anew."""
        self._standings.clear()

    async def work(self) -> None:
        """Go once through what is held and can be fetched."""
        roster = self._roster()
        for account_id, secret in roster.tokens.items():
            access = access_of(roster.registry.accounts[account_id], secret)
            if access is not None:
                await self._work_for(access, roster)

    async def _work_for(self, access: Access, roster: Roster) -> None:
        """Go through one account's, until something fails for all of it."""
        account_id = access.account_id
        before = self._standings.get(account_id)
        if before is None:
            before = await standing.read(self._store, account_id)
        is_new = self._accesses.get(account_id, access) != access
        self._accesses[account_id] = access
        held, is_any_held = await self._held(account_id, before, is_new=is_new)
        now = before if is_any_held else standing.WELL
        for notification_id in dict.fromkeys(d.notification_id for d in held):
            mine = [d for d in held if d.notification_id == notification_id]
            failure = await self._enrich(notification_id, mine, access, roster)
            now = _noted(now, mine[0].envelope_id, failure, self._clock.now())
            if failure is not None and failure.is_of_account:
                break
        if now != before:
            await standing.keep(self._store, account_id, now, now=self._clock.now())
        self._standings[account_id] = now

    async def _held(
        self, account_id: str, known: Standing, *, is_new: bool
    ) -> tuple[list[StoredDelivery], bool]:
        """Return held deliveries that are due another look, oldest first, and whether any is held.

        While the account is not to be asked, none is due; one whose file has changed (`is_new`)
        is asked at once.
        """
        now, after = self._clock.now(), None
        is_any_held = False
        found: list[StoredDelivery] = []
        while len(found) < BATCH:
            page = await self._store.deliveries(
                DeliveryQuery(
                    account_id=account_id,
                    states=(DeliveryState.HELD,),
                    oldest_first=True,
                    after=after,
                    limit=BATCH,
                )
            )
            is_any_held = is_any_held or bool(page)
            if not is_new and (known.retry_at or 0) > now:
                break
            found += [d for d in page if is_new or self._is_due(d.notification_id, now)]
            if len(page) < BATCH:
                break
            after = page[-1].id
        return found, is_any_held

    def _is_due(self, notification_id: str, now: int) -> bool:
        wait = self._waits.get(notification_id)
        return wait is None or (wait.tries <= len(RETRY_SECONDS) and wait.until <= now)

    async def _enrich(
        self, notification_id: str, held: Sequence[StoredDelivery], access: Access, roster: Roster
    ) -> Failure | None:
        """Decide what is held of one notification; return why it could not be, if so."""
        stored = await self._store.notification(notification_id)
        if stored is None or stored.notification.envelope_id is None or not stored.has_body:
            return None
        envelope = await self._accounts.envelope(access, stored.notification.envelope_id)
        if isinstance(envelope, Failure):
            observe.log.warning("cannot enrich", account=access.account_id, why=envelope.reason)
            self._put_off(notification_id, envelope)
            return envelope
        if stored.notification.is_xml:
            envelope = _filled_in(stored.notification.enrichment, envelope)
        router = await self._router_of(stored.registry_revision, roster)
        routing = router.match(replace(stored.notification, enrichment=envelope))
        decisions = _decide(held, routing)
        undecided = None
        if len(decisions) < len(held):
            undecided = Failure(reason="what the account tells of it leaves it undecided, too")
            self._put_off(notification_id, undecided)
        await self._store.decide(
            decisions, now=self._clock.now(), enrichment=(notification_id, envelope)
        )
        observe.log.info("enriched", notification=notification_id, decided=len(decisions))
        return undecided

    async def _router_of(self, revision: int, roster: Roster) -> Router:
        """Return the rules then in force: what is decided late is decided as it would have been."""
        if revision == roster.registry.revision:
            return roster.router
        if self._router is None or self._router[0] != revision:
            self._router = (revision, Router(await self._store.registry(revision)))
        return self._router[1]

    def _put_off(self, notification_id: str, failure: Failure) -> None:
        """Look at it again later: not before the account may be asked again."""
        known = self._waits.get(notification_id)
        tries = known.tries if known else 0
        # What fails for the whole account says nothing against this notification.
        tries += not failure.is_of_account
        delay = RETRY_SECONDS[min(max(tries, 1), len(RETRY_SECONDS)) - 1]
        until = max(self._clock.now() + delay * SECOND, failure.retry_at or 0)
        _remember(self._waits, notification_id, _Wait(tries=tries, until=until))


def _noted(
    before: Standing, envelope_id: str | None, failure: Failure | None, now: int
) -> Standing:
    """Return an account's standing after one question about an envelope."""
    if failure is not None and failure.is_of_account:
        is_same = before.failure == failure.reason
        return replace(
            before,
            failure=failure.reason,
            since=before.since if is_same else now,
            retry_at=failure.retry_at,
        )
    envelopes = {one: why for one, why in before.envelopes.items() if one != envelope_id}
    if failure is not None and envelope_id is not None:
        envelopes[envelope_id] = failure.reason
    kept = list(envelopes.items())[-standing.MOST_ENVELOPES :]
    return Standing(envelopes=dict(kept))


def _decide(held: Sequence[StoredDelivery], routing: Routing) -> list[Decision]:
    """Return what the held deliveries become now that the data is there; some may stay held."""
    matches = {match.listener_id: match for match in routing.matches}
    decided = (_decision(delivery, matches.get(delivery.listener_id)) for delivery in held)
    return [decision for decision in decided if decision is not None]


def _decision(delivery: StoredDelivery, match: Match | None) -> Decision | None:
    if match is None:
        return Decision(
            delivery_id=delivery.id,
            state=DeliveryState.DISMISSED,
            reason="not wanted, once the missing data was fetched",
        )
    if match.state is OwedState.DUE:
        return Decision(
            delivery_id=delivery.id,
            state=DeliveryState.DUE,
            reason="wanted, once the missing data was fetched",
        )
    if match.state is OwedState.CROSSED:
        return Decision(
            delivery_id=delivery.id,
            state=DeliveryState.CROSSED,
            reason=match.reason or "crossed",
        )
    return None


def _filled_in(stated: bytes | None, fetched: bytes) -> bytes:
    """Return what an XML message states, with what it leaves out from the fetched envelope.

    The envelope may have moved on since: nothing stated is replaced. Of the recipients, whose ids
    are others in XML (contract 8.9), all is left as stated; of the sender, the id is filled in.
    """
    if stated is None:
        return fetched
    ours, theirs = msgspec.json.decode(stated), msgspec.json.decode(fetched)
    sender, more = ours.get("sender"), theirs.get("sender")
    made = theirs | ours
    if isinstance(sender, dict) and isinstance(more, dict):
        made["sender"] = more | sender
    return msgspec.json.encode(made)


def _remember(memory: OrderedDict[Key, Value], key: Key, value: Value) -> None:
    memory[key] = value
    memory.move_to_end(key)
    while len(memory) > REMEMBERED:
        memory.popitem(last=False)
