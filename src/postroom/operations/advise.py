"""Advise: which of the five options for which integration, why, at what cost, and the files."""

from postroom.errors import InvalidInputError
from postroom.model import Json, Noun, Registry
from postroom.operations import beside
from postroom.operations.advising import files, traffic
from postroom.operations.advising.facts import Told, read
from postroom.operations.advising.files import Files
from postroom.operations.advising.traffic import Seen
from postroom.routing.advising import advice, wording
from postroom.routing.advising.wording import Advice
from postroom.storage.port import Store


class Advised(Noun, frozen=True, kw_only=True):
    """Advice, what it rests on, and the files that make it so."""

    advice: Advice
    traffic: Seen | None
    """What recent traffic shows, where it was asked."""
    files: Files


async def advise(
    store: Store, facts: Json, *, from_traffic: bool = False, days: int = 30, now: int
) -> Advised:
    """Advise by what is told, by what traffic shows, or by both; nothing is changed.

    Without facts the listeners that are there are the integrations. Raises
    `InvalidDocumentError` with each problem of the facts, `InvalidInputError` where there is
    nothing to go by.
    """
    if facts is None and not from_traffic:
        raise InvalidInputError("tell the facts, or let traffic tell: from_traffic")
    registry = await store.registry()
    told = await beside.reckon(read, facts) if facts is not None else traffic.told_by(registry)
    seen = None
    if from_traffic:
        told, seen = await traffic.complete(store, registry, told, days=days, now=now)
    # Proofs of a hundred integrations take seconds, and others want to be served meanwhile.
    return await beside.prove(_advised, told, seen, registry)


def _advised(told: Told, seen: Seen | None, registry: Registry) -> Advised:
    placed = advice.place(told.facts)
    return Advised(
        advice=wording.tell(placed, told.facts),
        traffic=seen,
        files=files.write(placed, told.facts, told.key_envs, registry),
    )
