"""The enricher: fetches what a feed leaves out, so that held deliveries can be decided.

Docusign allows one status call per envelope in 15 minutes and application (contract 5), so one
answer serves every notification of the envelope for that long.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TypeVar

import httpx
import msgspec
from msgspec.structs import replace

from postroom import observe
from postroom.clock import SECOND, Clock
from postroom.model import DeliveryState, Match, Notification, Noun, OwedState, Routing
from postroom.roster import Roster
from postroom.routing.match import Router
from postroom.storage.port import Decision, DeliveryQuery, Store, StoredDelivery

INCLUDE = "custom_fields,recipients,folders,powerform,extensions"
RETRY_SECONDS = (5, 60, 300, 900, 3600)
"""The delays after a failed fetch; after the last one the delivery stays held for a person."""
FRESH_SECONDS = 900
TIMEOUT_SECONDS = 10.0
LARGEST_ANSWER_BYTES = 8 * 1024 * 1024
BATCH = 100
REMEMBERED = 10_000
"""Envelopes and notifications remembered at once; the oldest are forgotten first."""


Key = TypeVar("Key")
Value = TypeVar("Value")


class _Wait(Noun, frozen=True, kw_only=True):
    tries: int
    until: int


class Enricher:
    """Decides held deliveries of accounts that say where their envelopes can be read."""

    def __init__(self, *, store: Store, clock: Clock, roster: Callable[[], Roster]) -> None:
        self._store = store
        self._clock = clock
        self._roster = roster
        self._client = httpx.AsyncClient(timeout=TIMEOUT_SECONDS, follow_redirects=False)
        self._fetched: OrderedDict[tuple[str, str], tuple[int, bytes]] = OrderedDict()
        self._waits: OrderedDict[str, _Wait] = OrderedDict()
        self._router: tuple[int, Router] | None = None

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()

    async def work(self) -> None:
        """Go once through what is held and can be fetched."""
        roster = self._roster()
        for account_id in roster.tokens:
            held = await self._held(account_id)
            for notification_id in dict.fromkeys(d.notification_id for d in held):
                mine = [d for d in held if d.notification_id == notification_id]
                await self._enrich(notification_id, mine, roster)

    async def _held(self, account_id: str) -> list[StoredDelivery]:
        """Return held deliveries of an account that are due another look, oldest first."""
        now, after = self._clock.now(), None
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
            found += [d for d in page if self._is_due(d.notification_id, now)]
            if len(page) < BATCH:
                break
            after = page[-1].id
        return found

    def _is_due(self, notification_id: str, now: int) -> bool:
        wait = self._waits.get(notification_id)
        return wait is None or (wait.tries <= len(RETRY_SECONDS) and wait.until <= now)

    async def _enrich(
        self, notification_id: str, held: Sequence[StoredDelivery], roster: Roster
    ) -> None:
        stored = await self._store.notification(notification_id)
        if stored is None or stored.notification.envelope_id is None or not stored.has_body:
            return
        envelope = await self._fetch(stored.notification, roster)
        if envelope is None:
            self._put_off(notification_id)
            return
        if stored.notification.is_xml:
            envelope = _filled_in(stored.notification.enrichment, envelope)
        router = await self._router_of(stored.registry_revision, roster)
        routing = router.match(replace(stored.notification, enrichment=envelope))
        decisions = _decide(held, routing)
        if len(decisions) < len(held):
            self._put_off(notification_id)
        await self._store.decide(
            decisions, now=self._clock.now(), enrichment=(notification_id, envelope)
        )
        observe.log.info("enriched", notification=notification_id, decided=len(decisions))

    async def _fetch(self, notification: Notification, roster: Roster) -> bytes | None:
        account = roster.registry.accounts[notification.account_id]
        if account.enrichment is None or notification.envelope_id is None:
            return None
        key, now = (account.id, notification.envelope_id), self._clock.now()
        known = self._fetched.get(key)
        if known is not None and now - known[0] < FRESH_SECONDS * SECOND:
            return known[1]
        base = account.enrichment.base_url.rstrip("/")
        try:
            answer = await self._client.get(
                f"{base}/v2.1/accounts/{account.id}/envelopes/{notification.envelope_id}",
                params={"include": INCLUDE},
                headers={
                    "Authorization": f"Bearer {roster.tokens[account.id]}",
                    "Accept": "application/json",
                },
            )
        except httpx.HTTPError as problem:
            observe.log.warning("cannot enrich", account=account.id, failure=type(problem).__name__)
            return None
        body = answer.content
        if not answer.is_success or not _is_envelope(body):
            observe.log.warning("cannot enrich", account=account.id, status=answer.status_code)
            return None
        _remember(self._fetched, key, (now, body))
        return body

    async def _router_of(self, revision: int, roster: Roster) -> Router:
        """Return the rules then in force: what is decided late is decided as it would have been."""
        if revision == roster.registry.revision:
            return roster.router
        if self._router is None or self._router[0] != revision:
            self._router = (revision, Router(await self._store.registry(revision)))
        return self._router[1]

    def _put_off(self, notification_id: str) -> None:
        known = self._waits.get(notification_id)
        tries = known.tries + 1 if known else 1
        delay = RETRY_SECONDS[min(tries, len(RETRY_SECONDS)) - 1]
        until = self._clock.now() + delay * SECOND
        _remember(self._waits, notification_id, _Wait(tries=tries, until=until))


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


def _is_envelope(body: bytes) -> bool:
    if len(body) > LARGEST_ANSWER_BYTES:
        return False
    try:
        msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _remember(memory: OrderedDict[Key, Value], key: Key, value: Value) -> None:
    memory[key] = value
    memory.move_to_end(key)
    while len(memory) > REMEMBERED:
        memory.popitem(last=False)
