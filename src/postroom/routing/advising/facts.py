"""What is told before advice is given: integrations, who sends, what marks their envelopes."""

from typing import Literal

from postroom.model import Account, Json, Noun, UserCondition

EVENTS = ("envelope-completed", "envelope-declined", "envelope-voided")
"""What an integration wants to hear of unless it says more: how an envelope ended."""


class Senders(Noun, frozen=True, kw_only=True):
    """Who sends an integration's envelopes: users by name, or people as themselves."""

    ids: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    are_only_for_it: bool = False
    """Whatever they send is this integration's, but for what is marked for another."""
    send_marked_too: bool = False
    """They were seen to send what is marked for another."""

    @property
    def are_named(self) -> bool:
        """Whether it is users one can name; otherwise anybody who works in the web app."""
        return bool(self.ids or self.emails or self.groups)

    @property
    def names(self) -> tuple[str, ...]:
        """Everybody named, as the file names them."""
        return (*self.emails, *self.ids, *self.groups)


class Mark(Noun, frozen=True, kw_only=True):
    """A custom field by which an integration's envelopes can be told."""

    name: str
    value: str
    is_set: Literal["always", "sometimes", "possible"]
    """`possible`: nobody sets it yet, but the sender could."""


class Integration(Noun, frozen=True, kw_only=True):
    """One listener, and what is known of the envelopes it is about."""

    name: str
    url: str
    account_id: str
    events: tuple[str, ...] = EVENTS
    """Empty: every event."""
    wants_all: bool = False
    """It is about everything: an archive, an audit."""
    senders: Senders = Senders()
    mark: Mark | None = None
    is_by_api: bool = False
    """Every envelope of it is created by an API call."""
    can_change_code: bool = False
    """The program that creates them can be changed."""
    can_change_listener: bool = False
    """The listener can be taught to discard, or to verify with another key."""
    environment: str | None = None
    also: Json = None
    """A filter its listener has already, which stays beside what is advised."""
    except_users: UserCondition | None = None
    """Users its listener leaves out already; they stay so where nobody is named."""
    is_strict: bool = False
    """Nobody else may ever see its envelopes, or it must have keys of its own."""


class Facts(Noun, frozen=True, kw_only=True):
    """All that advice goes by."""

    accounts: tuple[Account, ...]
    integrations: tuple[Integration, ...]
    has_postroom: bool = True
    """Postroom stands in front: what one listener must not get is not sent to it."""
    can_administer: bool = True
    """Connect configurations of the account may be made."""
    can_add_account: bool = False
    """A further account, with users and at a cost of its own, is possible."""

    comparison: Literal["exact", "loose"] = "exact"
    """How every listener compares texts: `loose` forgives case, and space around."""
    field_policy: Literal["current", "sticky"] = "current"
    """By which custom fields every listener decides: the present ones, or the first."""

    def account(self, one: Integration) -> Account:
        """Return the account of an integration."""
        return next(account for account in self.accounts if account.id == one.account_id)

    def rivals(self, one: Integration) -> tuple[Integration, ...]:
        """Return the others of its account that want their own only."""
        return tuple(
            other
            for other in self.integrations
            if other.account_id == one.account_id and other.name != one.name and not other.wants_all
        )
