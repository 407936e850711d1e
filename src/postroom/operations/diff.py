"""Diff: how far the system has drifted from a document. Changes nothing."""

from postroom.model import Json, Noun
from postroom.operations.changes import ChangeView, intended
from postroom.operations.keys import Sealing
from postroom.storage.port import Store


class Drift(Noun, frozen=True, kw_only=True):
    """Where a document and the system differ."""

    only_in_file: tuple[ChangeView, ...]
    only_in_system: tuple[ChangeView, ...]
    differing: tuple[ChangeView, ...]
    """`fields` holds (in the system, in the file)."""
    same: int
    warnings: tuple[str, ...]


async def diff(
    store: Store, vault: Sealing, document: Json, *, allow_private_addresses: bool, now: int
) -> Drift:
    """Return where a document and the system differ.

    Connect configurations made over REST are not the file's, and no drift.
    Raises `InvalidDocumentError` with every problem and its place.
    """
    found = await intended(
        store,
        vault,
        document,
        allow_private_addresses=allow_private_addresses,
        prune=True,
        now=now,
    )

    def of(*actions: str) -> tuple[ChangeView, ...]:
        return tuple(one for one in found.views if one.action in actions)

    return Drift(
        only_in_file=of("added"),
        only_in_system=of("removed", "retired"),
        differing=of("changed"),
        same=found.unchanged,
        warnings=found.warnings,
    )
