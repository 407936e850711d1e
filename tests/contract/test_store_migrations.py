"""Migrations: whatever release a database comes from, it ends up in the shape of the schema."""

import sqlite3
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa
from alembic.config import Config
from alembic.script import ScriptDirectory

from postroom.storage import migrations
from postroom.storage.schema import metadata


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


def test_the_revision_that_needs_no_upgrade_is_the_newest() -> None:
    config = Config()
    config.set_main_option("script_location", "postroom.storage:migrations")
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_heads() == [migrations.HEAD]
