"""A plan as people read it."""

import io
from typing import Any

from rich.console import Console

from postroom.cli.plan import _effects

NONE: dict[str, Any] = {"count": 0, "examples": []}
FATES = ("unclaimed", "crossed", "held")


def listener(name: str, lost: int = 0) -> dict[str, Any]:
    return {
        "listener": name,
        "account_id": "a",
        "before": 7,
        "after": 7 - lost,
        "gained": NONE,
        "lost": {"count": lost, "examples": []},
    }


def printed(listeners: list[dict[str, Any]], changed: list[str]) -> str:
    effects = {
        "notifications": 7,
        "received_from": "2026-03-02T09:00:00.000Z",
        "received_until": "2026-03-02T10:00:00.000Z",
        "without_body": 0,
        "listeners": listeners,
        **{f"{when}_{fate}": NONE for fate in FATES for when in ("newly", "no_longer")},
    }
    console = Console(width=80, file=io.StringIO(), record=True)
    for line in _effects(effects, [{"account_id": "a", "name": name} for name in changed]):
        console.print(line)
    return console.export_text()


def test_listeners_that_nothing_changes_for_are_counted_and_not_listed() -> None:
    others = [listener(f"other-{number}") for number in range(500)]
    told = printed([listener("erp", lost=2), listener("hr"), *others], changed=["hr"])
    assert "other-" not in told
    assert "Listeners that would have had just what they had: 500." in told
    assert "erp" in told
    assert "hr" in told, "it is changed, and that this changes nothing is worth knowing"
