"""Tabs as a client gives them: by kind, each as it was given, marked as the service marks it."""

from postroom.envelopes.given import Given, body_error, echo, names, parameter_error
from postroom.envelopes.limits import Limits
from postroom.model import Json

_KIND_NAMES = (
    "signHereTabs initialHereTabs signerAttachmentTabs approveTabs declineTabs viewTabs "
    "fullNameTabs dateSignedTabs envelopeIdTabs companyTabs titleTabs textTabs numberTabs "
    "numericalTabs phoneNumberTabs ssnTabs dateTabs zipTabs emailTabs noteTabs checkboxTabs "
    "radioGroupTabs listTabs firstNameTabs lastNameTabs emailAddressTabs formulaTabs notarizeTabs "
    "notarySealTabs smartSectionTabs commentThreadTabs commissionCountyTabs "
    "commissionExpirationTabs commissionNumberTabs commissionStateTabs drawTabs "
    "polyLineOverlayTabs senderNameTabs senderCompanyTabs tabGroups"
)
KINDS = names(_KIND_NAMES.split())
"""The kinds of tabs by their lower-case name; others are ignored."""

_KEY_NAMES = (
    "tabLabel name value originalValue required locked documentId recipientId pageNumber xPosition "
    "yPosition width height tabId tabType tabOrder anchorString anchorUnits anchorXOffset "
    "anchorYOffset groupName radios listItems selected text formula paymentDetails lineItems "
    "tabGroupLabels shared bold font fontColor fontSize maxLength"
)
_KEYS = names(_KEY_NAMES.split())
"""Keys that are read again later, whatever their case was; others stay as they were spelt."""

LABELS = ("tabLabel", "groupName")
"""What a tab is called: a group of radio buttons has a name of its own."""


def read(said: Given, recipient_id: str, limits: Limits) -> dict[str, Json]:
    """Return the tabs of a recipient (or, without one, of a document) by kind, in one order."""
    found: dict[str, Json] = {}
    count = 0
    for key in KINDS:
        tabs = said.items(key, most=limits.tabs) if said.has(key) else []
        count += len(tabs)
        if count > limits.tabs:
            raise parameter_error(said.place, f"has more than {limits.tabs} tabs; send fewer.")
        if tabs:
            kind = KINDS[key]
            found[kind] = [_tab(tab, kind, recipient_id, said.at(kind), limits) for tab in tabs]
    return found


def _tab(tab: Json, kind: str, recipient_id: str, place: str, limits: Limits) -> dict[str, Json]:
    made: dict[str, Json] = {}
    for key, one in Given(tab, place).spelt().items():
        made[_KEYS.get(key.lower(), key)] = echo(one, f"{place}.{key}", most=limits.text_characters)
    for label in LABELS:
        if not isinstance(made.get(label, ""), str):
            raise body_error(f"{place}.{label}", "is not a text; send one.")
    if recipient_id:
        made["recipientId"] = recipient_id
        made.setdefault("documentId", "1")
        made.setdefault("tabType", kind.removesuffix("Tabs").lower())
    return made


def overlaid(base: Json, top: Json) -> dict[str, Json]:
    """Return tabs by kind with those of `top` on those of `base`: what has the same label, merges.

    Both are as `read` returns them, or None.
    """
    made: dict[str, Json] = {kind: list(tabs) for kind, tabs in (base or {}).items()}
    for kind, tabs in (top or {}).items():
        under = made.setdefault(kind, [])
        by_label = {_label(tab): at for at, tab in enumerate(under) if _label(tab)}
        for tab in tabs:
            at = by_label.get(_label(tab))
            if at is None:
                under.append(tab)
            else:
                under[at] = under[at] | tab
    return made


def _label(tab: dict[str, Json]) -> str:
    for key in LABELS:
        if label := tab.get(key):
            return str(label).lower()
    return ""
