"""How asking an account goes, kept for people: what fails, since when, and what to do."""

import msgspec

from postroom.model import Noun
from postroom.storage.port import KeptObject, Store

KIND = "enrichment"
THE_ONE = "standing"
MOST_ENVELOPES = 1000
"""Envelopes whose own failures are remembered; the oldest are forgotten first."""


class Standing(Noun, frozen=True, kw_only=True):
    """What stands between an account's held deliveries and their data."""

    failure: str | None = None
    """In a sentence, what fails for every envelope of the account; None while it answers."""
    since: int | None = None
    retry_at: int | None = None
    """Not asked again before."""
    envelopes: dict[str, str] = msgspec.field(default_factory=dict)
    """Envelope id to what fails for that one alone."""

    def reason_for(self, envelope_id: str | None) -> str | None:
        """Return why the data of an envelope cannot be fetched now, or None."""
        return self.failure or self.envelopes.get(envelope_id or "")


WELL = Standing()
_DECODER = msgspec.json.Decoder(Standing)


async def read(store: Store, account_id: str) -> Standing:
    """Return an account's standing; it is well where nothing was noted."""
    kept = await store.kept_objects(KIND, account_id, [THE_ONE])
    return _DECODER.decode(kept[0].body) if kept else WELL


async def keep(store: Store, account_id: str, standing: Standing, *, now: int) -> None:
    """Note an account's standing; what is well leaves no note."""
    if standing == WELL:
        await store.drop_object(KIND, account_id, THE_ONE)
        return
    await store.keep_object(
        KeptObject(
            kind=KIND,
            account_id=account_id,
            id=THE_ONE,
            body=msgspec.json.encode(standing),
            updated_at=now,
        )
    )
