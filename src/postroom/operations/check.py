"""Check: prove things about a set of listeners: the system's, a document's, configurations'."""

import asyncio
from collections.abc import Iterator

from msgspec.structs import replace

from postroom.model import Json, Noun, Registry
from postroom.operations.checking import reading
from postroom.operations.checking.examine import Checked, Progress, Told, examine
from postroom.operations.checking.subject import Subject, of_registry
from postroom.storage.port import Store


class Report(Noun, frozen=True, kw_only=True):
    """What was checked, each set of listeners by itself."""

    is_clean: bool
    """True: nothing is an error or a warning."""
    checked: tuple[Checked, ...]


async def check(  # what to check, and how far it goes
    store: Store,
    *,
    document: Json = None,
    configurations: Json = None,
    is_all: bool = False,
    with_proofs: bool = False,
    told: Told | None = None,
) -> Report:
    """Return proofs and findings about a document, about configurations, or else the system.

    Of a document's accounts those that it does not define are the system's. With configurations
    beside it, they say what the feed carries. Changes nothing.
    Raises `InvalidDocumentError` with every problem and its place.
    """
    registry = await store.registry()
    subjects = list(_subjects(document, configurations, registry)) or [of_registry(registry)]
    loop = asyncio.get_running_loop()

    def told_here(progress: Progress) -> None:
        if told is not None:  # who listens lives in the loop, the work in a thread
            loop.call_soon_threadsafe(told, progress)

    return await asyncio.to_thread(
        report, subjects, is_all=is_all, with_proofs=with_proofs, told=told_here
    )


def report(
    subjects: list[Subject],
    *,
    is_all: bool = False,
    with_proofs: bool = False,
    told: Told | None = None,
) -> Report:
    """Return what the subjects come to; asks nobody, and takes its time."""
    checked = tuple(
        examine(one, is_all=is_all, with_proofs=with_proofs, told=told)
        for one in informed(subjects)
    )
    return Report(is_clean=all(one.is_clean for one in checked), checked=checked)


def informed(subjects: list[Subject]) -> Iterator[Subject]:
    """Yield the subjects; what configurations carry is known to the documents beside them."""
    known = [one.includes for one in subjects if one.includes is not None]
    for subject in subjects:
        if subject.kind == "connect.yaml" and known:
            yield replace(subject, includes=frozenset[str]().union(*known))
        else:
            yield subject


def _subjects(document: Json, configurations: Json, registry: Registry) -> Iterator[Subject]:
    if document is not None:
        yield reading.of_document(document, registry)
    if configurations is not None:
        yield reading.of_configurations(configurations)
