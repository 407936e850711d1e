"""Who listens, and to which of the messages: known to the load and told to every system."""

import json
from collections.abc import Sequence
from typing import Any

from benchmarks.messages import ACCOUNT, FIELD_VALUE, KEY, SENDER, bodies

from postroom.model import Noun

USER = "svc-erp@example.com"


class Listening(Noun, frozen=True, kw_only=True):
    """One listener: its name is the path it is called at; it may go by a field or by the sender."""

    name: str
    integration: str | None = None
    """The value of the custom field `Integration` that it wants."""
    user: str | None = None
    """The sender's e-mail address that it wants."""


class Audience(Noun, frozen=True, kw_only=True):
    """All listeners of a workload, and in how many groups the messages fall by custom field."""

    listeners: tuple[Listening, ...]
    groups: int = 1
    probe_seconds: float = 1.0
    """How often a listener that is down is tried."""

    def value(self, number: int) -> str:
        """Return the value of the custom field `Integration` in message `number`."""
        return FIELD_VALUE if self.groups == 1 else f"Integration {number % self.groups:03d}"

    def messages(self, first: int, count: int) -> list[bytes]:
        """Return the messages from number `first` on."""
        made = bodies(first, count)
        if self.groups == 1:
            return made
        usual = FIELD_VALUE.encode()
        return [
            body.replace(usual, self.value(number).encode(), 1)
            for number, body in enumerate(made, first)
        ]

    def owed(self, first: int, count: int) -> int:
        """Return how many deliveries the messages from number `first` on are."""
        everything = sum(one.integration is None for one in self.listeners)
        by_field: dict[str, int] = {}
        for one in self.listeners:
            if one.integration is not None:
                by_field[one.integration] = by_field.get(one.integration, 0) + 1
        numbers = range(first, first + count)
        return sum(everything + by_field.get(self.value(number), 0) for number in numbers)

    def connect_yaml(self, base: str) -> str:
        """Return what `postroom apply` is told; JSON is YAML."""
        account = {
            "id": ACCOUNT,
            "name": "Benchmark",
            "keys": [{"text": KEY}],
            "users": [{"id": SENDER, "email": USER}],
        }
        return json.dumps(
            {"accounts": [account], "listeners": [self._listener(x, base) for x in self.listeners]}
        )

    def urls(self, base: str) -> list[str]:
        """Return the listeners' URLs, for a program that knows no conditions."""
        return [f"{base}/{one.name}" for one in self.listeners]

    def by_hand(self, base: str) -> str:
        """Return the configuration of the design by hand."""
        return json.dumps(
            {
                one.name: {
                    "url": f"{base}/{one.name}",
                    "integration": one.integration,
                    "user": one.user,
                }
                for one in self.listeners
            }
        )

    def _listener(self, one: Listening, base: str) -> dict[str, Any]:
        made: dict[str, Any] = {
            "name": one.name,
            "account": ACCOUNT,
            "url": f"{base}/{one.name}",
            "probe_seconds": self.probe_seconds,
        }
        if one.integration is not None:
            made["filter"] = {"customFields.Integration": one.integration}
        if one.user is not None:
            made["users"] = {"only": [one.user]}
        return made


def everybody(count: int) -> tuple[Listening, ...]:
    """Return listeners that want everything."""
    return tuple(Listening(name=f"listener-{number:04d}") for number in range(count))


def one_in(groups: int, count: int) -> tuple[Listening, ...]:
    """Return listeners of which every message is for one in so many."""
    return tuple(
        Listening(name=f"listener-{n:04d}", integration=f"Integration {n % groups:03d}")
        for n in range(count)
    )


THREE: Sequence[Listening] = (
    Listening(name="by-field", integration=FIELD_VALUE),
    Listening(name="by-user", user=USER),
    Listening(name="everything"),
)
"""The main job's listeners: by custom field, by associated user, and everything."""
