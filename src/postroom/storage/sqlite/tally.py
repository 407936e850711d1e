"""The one row of numbers given out, revisions and totals, read and written once a transaction."""

import sqlite3
from typing import Any


class Tally:
    """The numbers; whoever holds the transaction moves them."""

    __slots__ = (
        "_loaded",
        "delivered",
        "delivery_id",
        "envelope_number",
        "notification_seq",
        "notifications",
        "registry_revision",
        "secrets_revision",
        "states_revision",
        "unclaimed",
        "unreadable",
    )

    def __init__(self, row: tuple[Any, ...]) -> None:
        self._loaded = row
        self.notification_seq: int
        self.envelope_number: int
        self.delivery_id: int
        self.registry_revision: int
        self.secrets_revision: int
        self.states_revision: int
        self.notifications: int
        self.unclaimed: int
        self.unreadable: int
        self.delivered: int
        (
            self.notification_seq,
            self.envelope_number,
            self.delivery_id,
            self.registry_revision,
            self.secrets_revision,
            self.states_revision,
            self.notifications,
            self.unclaimed,
            self.unreadable,
            self.delivered,
        ) = row

    @classmethod
    def load(cls, connection: sqlite3.Connection) -> "Tally":
        """Read the row."""
        return cls(
            connection.execute(
                "SELECT notification_seq, envelope_number, delivery_id, registry_revision,"
                " secrets_revision, states_revision, notifications, unclaimed, unreadable,"
                " delivered FROM tally WHERE id = 1"
            ).fetchone()
        )

    def save(self, connection: sqlite3.Connection) -> None:
        """Write the row, if it has changed."""
        row = (
            self.notification_seq,
            self.envelope_number,
            self.delivery_id,
            self.registry_revision,
            self.secrets_revision,
            self.states_revision,
            self.notifications,
            self.unclaimed,
            self.unreadable,
            self.delivered,
        )
        if row != self._loaded:
            connection.execute(
                "UPDATE tally SET notification_seq = ?, envelope_number = ?, delivery_id = ?,"
                " registry_revision = ?, secrets_revision = ?, states_revision = ?,"
                " notifications = ?, unclaimed = ?, unreadable = ?, delivered = ?",
                row,
            )
