"""What is on the disk of a server that is dead: read from a copy, before it is started again."""

import shutil
import sqlite3
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec
from tests.flow.envelope_lives import Told

from postroom.envelopes.envelope import Envelope
from postroom.model import DeliveryState, Noun
from postroom.storage.schema import STATES

_TOLD_OF_RECIPIENT: dict[str, tuple[str, ...]] = {
    "created": (),
    "sent": ("sent",),
    "delivered": ("sent", "delivered"),
    "completed": ("sent", "delivered", "completed"),
    "declined": ("sent", "delivered", "declined"),
    "autoresponded": ("sent", "autoresponded"),
}
"""What a recipient's status says that has been told of it."""


class Owed(Noun, frozen=True, kw_only=True):
    """One delivery as it stands."""

    notification_id: str
    listener: str
    state: DeliveryState
    is_leased: bool
    failures: int
    """How many attempts failed, as far as the sender could tell."""


class Note(Noun, frozen=True, kw_only=True):
    """One notification as it is kept."""

    id: str
    envelope_id: str
    told: Told
    occurred_at: int


class Disk(Noun, frozen=True, kw_only=True):
    """All that is kept of envelopes and of what was told of them."""

    envelopes: dict[str, Envelope]
    documents: dict[str, dict[str, bytes]]
    """By envelope id and document id."""
    notes: tuple[Note, ...]
    """In the order they are kept."""
    owed: tuple[Owed, ...]

    def notes_by_envelope(self) -> dict[str, list[Note]]:
        notes: dict[str, list[Note]] = defaultdict(list)
        for one in self.notes:
            notes[one.envelope_id].append(one)
        return notes

    def check(self) -> None:
        """See that envelopes and events agree: neither is there without the other."""
        notes = self.notes_by_envelope()
        assert not notes.keys() - self.envelopes.keys(), "an event of no envelope"
        for envelope_id, envelope in self.envelopes.items():
            of_it = notes[envelope_id]
            told, moments = [one.told for one in of_it], [one.occurred_at for one in of_it]
            said = self.documents.get(envelope_id, {}).keys()
            assert sorted(told, key=str) == sorted(_told_by_status(envelope), key=str), envelope
            assert moments == sorted(moments), "told in another order than it happened"
            assert set(moments) == {one.at for one in envelope.trail}, "a change without its events"
            assert said == {one.id for one in envelope.documents}, "documents are lost, or left"


def _told_by_status(envelope: Envelope) -> Iterator[Told]:
    """Return what an envelope and its recipients say has been told: each once, but reminders."""
    moments = {
        "envelope-sent": envelope.initial_sent_at,
        "envelope-delivered": envelope.delivered_at,
        "envelope-completed": envelope.completed_at,
        "envelope-declined": envelope.declined_at,
        "envelope-voided": envelope.voided_at,
    }
    yield from ((event, None) for event, moment in moments.items() if moment is not None)
    if envelope.initial_sent_at != envelope.created_at:  # what is sent at once is never a draft
        yield "envelope-created", None
    for trace in envelope.trail:
        if trace.action == "Reminded":
            yield "envelope-reminder-sent", None
    for recipient in envelope.recipients:
        for one in _TOLD_OF_RECIPIENT[recipient.status]:
            yield f"recipient-{one}", recipient.id


@contextmanager
def _copy(folder: Path) -> Iterator[sqlite3.Connection]:
    """Yield a copy: opening the file itself would recover it, which the server shall do."""
    with tempfile.TemporaryDirectory() as apart:
        for name in ("postroom.db", "postroom.db-wal"):
            if (folder / name).exists():
                shutil.copy(folder / name, apart)
        with closing(sqlite3.connect(Path(apart, "postroom.db"))) as connection:
            yield connection


def read(folder: Path) -> Disk:
    """Return what is on the disk; the server must not run."""
    with _copy(folder) as sql:
        bodies = sql.execute("SELECT id, body FROM kept_envelope")
        envelopes = {id_: msgspec.json.decode(body, type=Envelope) for id_, body in bodies}
        documents: dict[str, dict[str, bytes]] = defaultdict(dict)
        for id_, document_id, body in sql.execute(
            "SELECT id, document_id, envelope_document.body FROM envelope_document"
            " JOIN kept_envelope ON number = envelope_number"
        ):
            documents[id_][document_id] = body
        notes = tuple(
            Note(id=id_, envelope_id=envelope_id, told=(event, recipient_id), occurred_at=at)
            for id_, envelope_id, event, recipient_id, at in sql.execute(
                "SELECT id, envelope_id, event, recipient_id, occurred_at FROM notification"
                " JOIN envelope ON number = envelope_number ORDER BY seq"
            )
        )
        owed = tuple(
            Owed(
                notification_id=id_,
                listener=name,
                state=STATES[state],
                is_leased=bool(leased),
                failures=failures,
            )
            for id_, name, state, leased, failures in sql.execute(
                "SELECT notification.id, name, state, token IS NOT NULL,"
                " (SELECT count(*) FROM attempt WHERE delivery_id = delivery.id"
                " AND verdict != 'done') FROM delivery"
                " JOIN notification ON seq = notification_seq"
                " JOIN listener_name ON listener_name.id = listener_id"
            )
        )
        [[notifications]] = sql.execute("SELECT count(*) FROM notification")
        assert notifications == len(notes)
    return Disk(envelopes=envelopes, documents=documents, notes=notes, owed=owed)
