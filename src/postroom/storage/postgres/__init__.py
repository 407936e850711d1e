"""The store of many nodes: PostgreSQL, group commit, every lock taken in one order."""

from postroom.storage.postgres.store import PostgresStore, open_store
from postroom.storage.postgres.wakes import Heard

__all__ = ["Heard", "PostgresStore", "open_store"]
