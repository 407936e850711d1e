"""The embedded store: one SQLite file, one writer thread, group commit."""

from postroom.storage.sqlite import backup, connection, copying
from postroom.storage.sqlite.store import SqliteStore, open_store

__all__ = ["SqliteStore", "backup", "connection", "copying", "open_store"]
