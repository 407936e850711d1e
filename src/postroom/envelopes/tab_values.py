"""What a signer fills in: values put into its tabs by their labels. Pure."""

from postroom.envelopes import refusals
from postroom.envelopes.envelope import Recipient
from postroom.model import Json


def fill(recipient: Recipient, values: Json) -> Json:
    """Return a recipient's tabs with the values of `values`, a mapping of labels to them.

    A checkbox is selected by "true". Raises DocusignError where `values` is no such mapping or
    names a label that no tab of the recipient has.
    """
    wanted = _texts(values)
    if not wanted:
        return recipient.tabs
    kinds = recipient.tabs if isinstance(recipient.tabs, dict) else {}
    filled: set[str] = set()
    made = {kind: _fill_kind(kind, tabs, wanted, filled) for kind, tabs in kinds.items()}
    if unknown := sorted(wanted.keys() - filled):
        raise refusals.bad_parameter(
            f"Recipient {recipient.id} has no tab labelled {unknown[0][:100]!r}: "
            f"name a tabLabel that one of its tabs has."
        )
    return made


def _texts(values: Json) -> dict[str, str]:
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise refusals.bad_parameter("Give the tabs of a signing as a mapping of labels to values.")
    return {str(label): _text(value) for label, value in values.items()}


def _text(value: Json) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    raise refusals.bad_parameter("Give each tab's value as a text, or as true or false.")


def _fill_kind(kind: str, tabs: Json, wanted: dict[str, str], filled: set[str]) -> Json:
    if not isinstance(tabs, list):
        return tabs
    key = "selected" if kind == "checkboxTabs" else "value"
    return [_fill_tab(key, tab, wanted, filled) for tab in tabs]


def _fill_tab(key: str, tab: Json, wanted: dict[str, str], filled: set[str]) -> Json:
    label = tab.get("tabLabel") if isinstance(tab, dict) else None
    if not isinstance(label, str) or label not in wanted:
        return tab
    filled.add(label)
    return tab | {key: wanted[label]}
