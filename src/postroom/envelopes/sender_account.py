"""The sender's account, as messages tell of it where a configuration asks for that."""

import uuid

from postroom.model import Account

SITE = "demo"
"""Docusign's word for where developers' accounts live (contract 1.1)."""
NAMESPACE = uuid.UUID("6f0f5f0a-3c55-5d0e-9f0b-3c8f3f4c9a11")
"""Ours: ids derived under it are the same on every machine and at every start."""


def number(name: str) -> str:
    """Return eight digits, the same for the same name everywhere."""
    return str(10_000_000 + uuid.uuid5(NAMESPACE, name).int % 90_000_000)


def account_number(account_id: str) -> str:
    """Return the number that Docusign gives an account beside its GUID: ours is derived from it."""
    return number(account_id.lower())


def fields(account: Account) -> tuple[tuple[str, str], ...]:
    """Return the three custom fields that tell of an account, as (name, value)."""
    return (
        ("AccountId", account_number(account.id)),
        ("AccountName", account.name),
        ("AccountSite", SITE),
    )
