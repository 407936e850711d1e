"""A recipient's tabs in the legacy message: `TabStatuses`, and the form they fill in.

Tabs are kept as they were given, so nothing about their shape is taken for granted here.
"""

import math
from base64 import b64encode
from collections.abc import Iterator, Mapping

from lxml import etree
from lxml.etree import _Element

from postroom.envelopes.envelope import Recipient
from postroom.envelopes.legacy_element import add, add_if_said, storable
from postroom.model import Json, Noun

_PLAIN = {
    "signHereTabs": "SignHere",
    "initialHereTabs": "InitialHere",
    "signerAttachmentTabs": "SignerAttachment",
    "approveTabs": "Approve",
    "declineTabs": "Decline",
    "fullNameTabs": "FullName",
    "firstNameTabs": "FirstName",
    "lastNameTabs": "LastName",
    "emailAddressTabs": "EmailAddress",
    "dateSignedTabs": "DateSigned",
    "envelopeIdTabs": "EnvelopeID",
    "companyTabs": "Company",
    "titleTabs": "Title",
}
_CUSTOM = {
    "textTabs": "Text",
    "numberTabs": "Number",
    "ssnTabs": "SSN",
    "dateTabs": "Date",
    "zipTabs": "ZIP5",
    "emailTabs": "Email",
    "noteTabs": "Note",
    "checkboxTabs": "Checkbox",
    "radioGroupTabs": "Radio",
    "listTabs": "List",
    "formulaTabs": "Formula",
}
"""Each REST list and the schema's `TabType`, or the `CustomTabType` of a `Custom` one.

The schema knows no other kinds: tabs of later kinds (`notarizeTabs` and so on) are left out.
"""
_OPTIONAL = {"SignHere", "InitialHere", "SignerAttachment"}
_TICKED = {"Checkbox", "Radio"}
_STATUSES = {"completed": "Signed", "signed": "Signed", "declined": "Declined"}


class _Tab(Noun, frozen=True, kw_only=True):
    kind: str
    custom_kind: str | None
    said: Mapping[str, Json]
    label: str
    name: str
    value: str


def add_tab_statuses(parent: _Element, recipient: Recipient) -> None:
    """Append `TabStatuses`, one entry for each tab; nothing where the recipient has none."""
    tabs = list(_tabs(recipient.tabs))
    if not tabs:
        return
    statuses = add(parent, "TabStatuses")
    status = _STATUSES.get(recipient.status, "Active")
    for tab in tabs:
        _add_tab(add(statuses, "TabStatus"), tab, status)


def add_form_attachment(parent: _Element, recipient: Recipient) -> None:
    """Append what a recipient filled in as the attachment `DSXForm`: its `FormData` in base64."""
    filled = _filled(recipient)
    if not filled:
        return
    form = etree.Element("FormData")
    fields = etree.SubElement(etree.SubElement(form, "xfdf"), "fields")
    for name, value in filled:
        field = etree.SubElement(fields, "field", name=storable(name))
        etree.SubElement(field, "value").text = storable(value)
    attachment = add(add(parent, "RecipientAttachment"), "Attachment")
    add(attachment, "Data", b64encode(etree.tostring(form, encoding="utf-8")).decode("ascii"))
    add(attachment, "Label", "DSXForm")


def add_form(parent: _Element, recipient: Recipient) -> None:
    """Append `FormData`: what a recipient that has signed filled in, by the tabs' labels."""
    filled = _filled(recipient)
    if not filled:
        return
    fields = add(add(add(parent, "FormData"), "xfdf"), "fields")
    for name, value in filled:
        field = add(fields, "field")
        field.set("name", storable(name))
        add(field, "value", value)


def _add_tab(parent: _Element, tab: _Tab, status: str) -> None:
    add(parent, "TabType", tab.kind)
    add(parent, "Status", status)
    add(parent, "XPosition", _number(tab.said.get("xPosition")))
    add(parent, "YPosition", _number(tab.said.get("yPosition")))
    add(parent, "TabLabel", tab.label)
    add(parent, "TabName", tab.name)
    add(parent, "TabValue", tab.value)
    add_if_said(parent, "DocumentID", _count(tab.said.get("documentId"), least=1))
    add_if_said(parent, "PageNumber", _count(tab.said.get("pageNumber"), least=0))
    add_if_said(parent, "OriginalValue", _text(tab.said.get("originalValue")))
    add_if_said(parent, "ValidationPattern", _text(tab.said.get("validationPattern")))
    if tab.custom_kind == "List":
        items = [one for one in _members(tab.said.get("listItems")) if _text(one.get("text"))]
        add(parent, "ListValues", ";".join(_text(one["text"]) or "" for one in items))
        add(parent, "ListSelectedValue", tab.value)
    add_if_said(parent, "CustomTabType", tab.custom_kind)


def _tabs(tabs: Json) -> Iterator[_Tab]:
    if not isinstance(tabs, dict):
        return
    for given, members in tabs.items():
        kind, custom_kind = _PLAIN.get(given, "Custom"), _CUSTOM.get(given)
        if kind == "Custom" and custom_kind is None:
            continue
        for member in _members(members):
            for said in _radios(member) if custom_kind == "Radio" else (member,):
                yield _tab(kind, custom_kind, said)


def _tab(kind: str, custom_kind: str | None, said: Mapping[str, Json]) -> _Tab:
    name = _text(said.get("name")) or custom_kind or kind
    value = _text(said.get("value")) or ""
    if custom_kind in _TICKED:
        value = "X" if _text(said.get("selected")) == "true" else ""
    is_optional = kind in _OPTIONAL and _text(said.get("optional")) == "true"
    return _Tab(
        kind=f"{kind}Optional" if is_optional else kind,
        custom_kind=custom_kind,
        said=said,
        label=_text(said.get("tabLabel")) or name,
        name=name,
        value=value,
    )


def _radios(group: Mapping[str, Json]) -> Iterator[Mapping[str, Json]]:
    """Give each button of a group as a tab of its own, named by what it stands for."""
    for radio in _members(group.get("radios")):
        yield (
            {"documentId": group.get("documentId")}
            | dict(radio)
            | {
                "tabLabel": group.get("groupName"),
                "name": radio.get("value"),
            }
        )


def _filled(recipient: Recipient) -> list[tuple[str, str]]:
    if recipient.status not in {"completed", "signed"}:
        return []
    return [(tab.label, tab.value) for tab in _tabs(recipient.tabs) if tab.value]


def _members(value: Json) -> list[Mapping[str, Json]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _text(value: Json) -> str | None:
    """Return a value as text, or None where it is none: booleans as the wire spells them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) else None


def _number(value: Json) -> str:
    """Return a position as a number, and 0 where what was given is none."""
    try:
        number = float(_text(value) or "")
    except ValueError:
        return "0"
    return f"{number:.15g}" if math.isfinite(number) else "0"


def _count(value: Json, *, least: int) -> str | None:
    text = (_text(value) or "").strip()[:18]
    is_count = text.isascii() and text.isdigit() and int(text) >= least
    return text if is_count else None
