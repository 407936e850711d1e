"""What is checked: accounts with their lanes and listeners, and where each stands."""

from collections.abc import Mapping
from typing import Literal

from postroom.model import Account, Lane, Listener, Noun, Registry
from postroom.operations.checking.finding import CheckFinding, Place

Kind = Literal["system", "connect.yaml", "Connect configurations"]


class Placed(Noun, frozen=True, kw_only=True):
    """A listener, and where it stands in its document."""

    listener: Listener
    path: Place | None = None

    def at(self, *steps: str | int) -> Place | None:
        """Return the place of one of its keys."""
        return None if self.path is None else (*self.path, *steps)


class Household(Noun, frozen=True, kw_only=True):
    """An account with what belongs to it."""

    account: Account
    lanes: Mapping[str, Lane]
    """By name; a lane that is not here holds on crossing."""
    listeners: tuple[Placed, ...]
    """Those that are there for every envelope: what comes with single envelopes is left out."""
    is_stand_in: bool = False
    """Nothing is known of the account but what its listeners say."""


class Subject(Noun, frozen=True, kw_only=True):
    """A set of listeners to prove things about."""

    kind: Kind
    households: tuple[Household, ...]
    findings: tuple[CheckFinding, ...] = ()
    """What was found in reading it."""
    includes: frozenset[str] | None = None
    """The includeData tokens that the account's configurations have; None where not known."""


def of_registry(registry: Registry) -> Subject:
    """Return the running system."""
    return Subject(
        kind="system",
        households=tuple(
            Household(
                account=account,
                lanes={
                    name: lane for (of, name), lane in registry.lanes.items() if of == account.id
                },
                listeners=tuple(
                    Placed(listener=one)
                    for one in registry.listeners.values()
                    if one.account_id == account.id and one.scope == "account"
                ),
            )
            for account in registry.accounts.values()
        ),
    )
