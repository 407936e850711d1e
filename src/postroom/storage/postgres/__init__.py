"""The store of many nodes: PostgreSQL, group commit, every lock taken in one order."""

from postroom.storage.postgres.store import PostgresStore, open_store

__all__ = ["PostgresStore", "open_store"]
