"""The environment variables that stand for secrets in a document that is written for a system."""

import re
from collections.abc import Sequence
from typing import Literal

from postroom.model import Account, Json, Noun, Registry
from postroom.storage.port import SealedSecret

MAX_CHARACTERS = 60
"""Of what an account's or a listener's name adds to a variable's."""


class Variable(Noun, frozen=True, kw_only=True):
    """A variable, and which secret belongs there."""

    name: str
    account_id: str
    listener: str | None
    purpose: Literal["hmac", "enrichment"]
    fingerprint: str | None
    """Of the secret as it is kept here (`postroom keys`); None where none is in force."""


class Variables:
    """Gives every secret a name of its own, always the same for the same system."""

    def __init__(self, registry: Registry, secrets: Sequence[SealedSecret]) -> None:
        self._registry = registry
        self._secrets = secrets
        self._taken: set[str] = set()
        self._named: list[Variable] = []

    @property
    def named(self) -> tuple[Variable, ...]:
        """Every variable that was asked for, in that order."""
        return tuple(self._named)

    def keys(self, account_id: str, listener: str | None) -> list[Json]:
        """Return the signing keys of an account, or of a listener of its own, as in a file."""
        stem = f"{self._stem(account_id)}_{_shouted(listener) if listener else 'CONNECT'}_KEY"
        return [
            self._placed(stem, account_id, listener, "hmac", one.fingerprint)
            for one in self._secrets
            if (one.account_id, one.listener, one.purpose) == (account_id, listener, "hmac")
        ]

    def of_enrichment(self, account: Account) -> Json:
        """Return the secret by which an account is asked; it has a name also where it is gone."""
        is_key = account.enrichment is not None and account.enrichment.integration_key is not None
        stem = f"{self._stem(account.id)}_{'PRIVATE_KEY' if is_key else 'ACCESS_TOKEN'}"
        kept = (
            one.fingerprint
            for one in self._secrets
            if (one.account_id, one.purpose) == (account.id, "enrichment")
        )
        return self._placed(stem, account.id, None, "enrichment", next(kept, None))

    def _stem(self, account_id: str) -> str:
        account = self._registry.accounts.get(account_id)
        return _shouted(account.name if account else "") or f"ACCOUNT_{_shouted(account_id[:8])}"

    def _placed(
        self,
        stem: str,
        account_id: str,
        listener: str | None,
        purpose: Literal["hmac", "enrichment"],
        fingerprint: str | None,
    ) -> Json:
        name, number = stem, 1
        while name in self._taken:
            number += 1
            name = f"{stem}_{number}"
        self._taken.add(name)
        self._named.append(
            Variable(
                name=name,
                account_id=account_id,
                listener=listener,
                purpose=purpose,
                fingerprint=fingerprint,
            )
        )
        return {"env": name}


def _shouted(name: str) -> str:
    """Return a name as variables are spelt: `Acme Corp` becomes `ACME_CORP`."""
    words = re.sub(r"[^A-Z0-9]+", "_", name.upper().encode("ascii", "ignore").decode()).strip("_")
    return f"_{words}"[:MAX_CHARACTERS] if words[:1].isdigit() else words[:MAX_CHARACTERS]
