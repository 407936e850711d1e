"""Migrations: whatever release a database comes from, it ends up in the shape of the schema."""

import sqlite3
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa
from alembic.config import Config
from alembic.script import ScriptDirectory
from tests.contract.store_cast import (
    A1,
    T0,
    envelope,
    event_id,
    kept,
    lease,
    notification,
    recording,
    settlement,
)

from postroom.clock import SECOND
from postroom.storage import migrations
from postroom.storage.port import EnvelopeQuery, Life
from postroom.storage.schema import metadata
from postroom.storage.sqlite import open_store


def _shape(path: Path) -> dict[str, object]:
    """Return what each table and index is, whatever words made it.

    An added column stands elsewhere in the words of a table than one that was there at first.
    """
    shape: dict[str, object] = {}
    with closing(sqlite3.connect(path)) as connection:
        made = connection.execute(
            "SELECT type, name, sql FROM sqlite_master WHERE tbl_name <> 'alembic_version'"
        ).fetchall()
        options = {row[1]: row[4:] for row in connection.execute("PRAGMA table_list")}
        for kind, name, sql in made:
            columns = connection.execute(f"PRAGMA table_xinfo({name})").fetchall()
            indexed = connection.execute(f"PRAGMA index_xinfo({name})").fetchall()
            words = sql and " ".join(sql.split())
            shape[name] = (columns, options[name]) if kind == "table" else (indexed, words)
    return shape


def test_a_migrated_database_has_the_shape_of_a_fresh_one(tmp_path: Path) -> None:
    migrations.upgrade(f"sqlite:///{tmp_path / 'migrated.db'}")
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'fresh.db'}")
    metadata.create_all(engine)
    engine.dispose()

    migrated, fresh = _shape(tmp_path / "migrated.db"), _shape(tmp_path / "fresh.db")

    assert set(migrated) == set(fresh)
    for name, shape in fresh.items():
        assert migrated[name] == shape


def test_upgrading_what_is_up_to_date_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "postroom.db"
    migrations.upgrade(f"sqlite:///{path}")
    before = path.read_bytes()
    migrations.upgrade(f"sqlite:///{path}")
    assert path.read_bytes() == before


_ROWS = """
    INSERT INTO listener_name (id, account_id, name) VALUES (1, '{account}', 'erp');
    INSERT INTO envelope (number, account_id, envelope_id) VALUES (1, '{account}', '{envelope}');
    INSERT INTO notification (seq, id, account_id, envelope_number, event, occurred_at,
        received_at, retry_count, content_type, is_readable, is_unclaimed, registry_revision)
        VALUES (1, '{event}', '{account}', 1, 'envelope-sent', {at}, {at}, 0,
        'application/json', 1, 0, 1);
    INSERT INTO content (notification_seq, body) VALUES (1, x'7b7d');
    INSERT INTO delivery (id, notification_seq, listener_id, replay_number, state, is_ordered,
        envelope_number, occurred_at, due_at, attempts, is_late)
        VALUES (1, 1, 1, 0, 1, 1, 1, {at}, {at}, 0, 0);
    UPDATE tally SET notification_seq = 1, envelope_number = 1, delivery_id = 1,
        registry_revision = 1, notifications = 1;
"""
"""A notification owed to one listener, as release 0001 of the tables held it."""


async def test_what_the_first_release_kept_is_still_delivered(tmp_path: Path) -> None:
    path = tmp_path / "postroom.db"
    migrations.upgrade(f"sqlite:///{path}", "0001")
    with closing(sqlite3.connect(path, isolation_level=None)) as old:
        old.executescript(
            _ROWS.format(account=A1, envelope=envelope(1), event=event_id(1), at=T0 + SECOND)
        )

    store = await open_store(path)
    late = await store.record(recording(notification(2), 1, leased=[1]))
    lived = await store.live(
        Life(envelope=kept(1), recordings=(recording(notification(3, origin="here"), 1),))
    )
    (first,) = await lease(store, 1)
    settled = await store.settle(settlement(first, wants_next=True))
    envelopes, count = await store.kept_envelopes(EnvelopeQuery(account_id=A1))
    await store.close()

    assert (first.notification.id, first.notification.body) == (event_id(1), b"{}")
    assert (first.notification.origin, first.notification.attached) == ("feed", ())
    assert late.leases == ()
    assert lived.was_current
    assert settled.next is not None
    assert settled.next.notification == notification(2)
    assert (envelopes, count) == ([kept(1)], 1)


def test_the_revision_that_needs_no_upgrade_is_the_newest() -> None:
    config = Config()
    config.set_main_option("script_location", "postroom.storage:migrations")
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_heads() == [migrations.HEAD]
