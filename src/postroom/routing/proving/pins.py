"""What a listener surely insists on, seen without a search: enough to prove most pairs apart."""

from collections.abc import Mapping
from typing import Literal

from postroom.model import Noun
from postroom.routing.conditions import conjuncts, pinned_texts
from postroom.routing.wants import Wants


class Pins(Noun, frozen=True, kw_only=True):
    """What must be so for one listener; an empty set insists on nothing."""

    events: frozenset[str] = frozenset()
    senders: frozenset[str] = frozenset()
    """The only user ids it wants, where ids alone decide."""
    field_policy: Literal["current", "sticky"] = "current"
    fields: Mapping[str, frozenset[str]] = {}
    """The texts it wants of a custom field, by the field's name; under exact comparison only."""


def pins(wants: Wants) -> Pins:
    """Return what a listener insists on."""
    listener, users = wants.listener, wants.users
    is_by_id = users is not None and users.is_only and not users.has_unknown_groups
    senders = users.wanted_ids if users and is_by_id and not users.wanted_emails else frozenset()
    return Pins(
        events=frozenset(listener.events),
        senders=senders,
        field_policy=listener.field_policy,
        fields=_fields(wants) if listener.comparison == "exact" else {},
    )


def _fields(wants: Wants) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for node in conjuncts(wants.filter.node if wants.filter else None):
        pinned = pinned_texts(node)
        if pinned is not None:
            name, texts = pinned
            found[name] = found.get(name, frozenset(texts)) & frozenset(texts)
    return found
