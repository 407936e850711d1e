"""The page about the five options: its YAML and its JSON do what their sections say."""

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.unit.routing_cast import A1, ALICE, U123, U567, notification, summary

from postroom.cli import connect_file
from postroom.model import Json, Listener, Registry
from postroom.operations.connect import configuration
from postroom.operations.connect.limits import ConnectLimits
from postroom.operations.document import read
from postroom.operations.drafts import Drafts, draft
from postroom.operations.lint import lint
from postroom.routing.match import Router

FOLDER = Path(__file__).parents[2] / "docs" / "explanation"
PAGE = (FOLDER / "the-five-options.md").read_text()
SECTIONS = {int(part[0]): part for part in re.split(r"^## (?=\d\. )", PAGE, flags=re.MULTILINE)[1:]}
A2 = "a2000000-0000-4000-8000-000000000002"
KEYS = {"ACME_CONNECT_KEY": "a-key=", "ACME_UK_CONNECT_KEY": "another="}
NOBODY = Registry(revision=0, accounts={}, listeners={}, lanes={})

Envelope = tuple[str, str, Mapping[str, str]]
"""(account, sender, custom fields)."""
FROM_A: Envelope = (A1, U123, {"Integration": "Salesforce"})
FROM_B: Envelope = (A1, U567, {"Integration": "ERP", "Listener": "app2"})
FROM_B_S_ACCOUNT: Envelope = (A2, U567, {})
FROM_THE_WEB_APP: Envelope = (A1, ALICE, {})


def snippets(language: str, text: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def bodies(option: int) -> list[dict[str, Any]]:
    return [json.loads(text) for text in snippets("json", SECTIONS[option])]


def drafted(folder: Path, option: int) -> Drafts:
    """Return an option's listeners beside the page's accounts, read as `apply` reads them."""
    [accounts, *_] = snippets("yaml", PAGE)
    [listeners] = snippets("yaml", SECTIONS[option])
    path = folder / "connect.yaml"
    path.write_text(accounts + listeners)
    document = connect_file.load(path, KEYS).document
    return draft(read(document), NOBODY, allow_private=False)


def reached(drafts: Drafts, listeners: tuple[Listener, ...], envelope: Envelope) -> list[str]:
    """Return the names of the listeners that an envelope reaches on its completion."""
    account, sender, fields = envelope
    numbered = {one.id: one for one in listeners}
    accounts = {one.id: one for one in drafts.accounts}
    lanes = {(one.account_id, one.name): one for one in drafts.lanes}
    router = Router(Registry(revision=1, accounts=accounts, listeners=numbered, lanes=lanes))
    told = notification(summary(fields), account_id=account, sender_id=sender)
    return [numbered[match.listener_id].name for match in router.match(told).matches]


def numbered(listeners: tuple[Listener, ...]) -> tuple[Listener, ...]:
    return tuple(
        Listener(**{key: getattr(one, key) for key in one.__struct_fields__} | {"id": number})
        for number, one in enumerate(listeners, 1)
    )


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        (1, [["salesforce"], ["salesforce"], ["erp"], ["salesforce"]]),
        (2, [["audit"], ["audit"], [], ["audit"]]),
        (3, [["salesforce"], ["erp"], [], []]),
        (4, [["salesforce"], ["erp"], [], []]),
        (5, [[], ["app2"], [], []]),
    ],
)
def test_each_option_s_listeners_get_what_its_section_says(
    tmp_path: Path, option: int, expected: list[list[str]]
) -> None:
    drafts = drafted(tmp_path, option)
    assert drafts.warnings == ()
    listeners = numbered(drafts.listeners)
    envelopes = (FROM_A, FROM_B, FROM_B_S_ACCOUNT, FROM_THE_WEB_APP)
    assert [reached(drafts, listeners, one) for one in envelopes] == expected


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        (1, [True, True]),
        (2, [True, True]),
        (3, [True, True]),  # Docusign filters by no field: the listener discards
        (4, [True, False]),
    ],
)
def test_each_option_s_configuration_is_told_of_b_and_of_the_web_app_as_its_section_says(
    tmp_path: Path, option: int, expected: list[bool]
) -> None:
    drafts = drafted(tmp_path, option)
    account = next(one for one in drafts.accounts if one.id == A1)
    made = configuration.read(
        bodies(option)[0],
        account=account,
        connect_id="1",
        limits=ConnectLimits(),
        allow_http_loopback=False,
        allow_private_addresses=False,
    )
    assert made.warnings == ()
    listeners = numbered((made.listener,))
    got = [bool(reached(drafts, listeners, one)) for one in (FROM_B, FROM_THE_WEB_APP)]
    assert got == expected


def test_nothing_can_be_said_against_any_json_of_the_page() -> None:
    found: list[Json] = [json.loads(text) for text in snippets("json", PAGE)]
    linted = [lint(one) for one in found]
    assert [one.problems for one in linted] == [()] * len(found)
    kinds = [one.kind for one in linted]
    assert kinds.count("Connect configuration") == 4
    assert kinds.count("envelope definition") == 2


def test_the_envelope_of_option_3_has_the_field_that_its_listener_asks_for() -> None:
    [said] = [one["customFields"]["textCustomFields"] for one in bodies(3) if "customFields" in one]
    [filters] = snippets("yaml", SECTIONS[3])
    wanted = [one["filter"] for one in yaml.safe_load(filters)["listeners"]]
    assert {f"customFields.{field['name']}": field["value"] for field in said} in wanted


def test_the_event_notification_of_option_5_asks_for_what_its_listener_asks_for(
    tmp_path: Path,
) -> None:
    [listener] = drafted(tmp_path, 5).listeners
    [said] = [one["eventNotification"] for one in bodies(5)]
    assert said["url"] == listener.url
    named = [f"envelope-{one['envelopeEventStatusCode'].lower()}" for one in said["envelopeEvents"]]
    named += [
        f"recipient-{one['recipientEventStatusCode'].lower()}" for one in said["recipientEvents"]
    ]
    assert sorted(named) == sorted(listener.events)


def test_every_picture_is_there_has_a_title_and_is_shown() -> None:
    picture_of = re.compile(r"^!\[(.+)\]\((.+\.svg)\)$", re.MULTILINE)
    shown = [one for page in FOLDER.glob("*.md") for one in picture_of.findall(page.read_text())]
    assert sorted(name for _, name in shown) == sorted(one.name for one in FOLDER.glob("*.svg"))
    assert len(picture_of.findall(PAGE)) == 6
    space = "{http://www.w3.org/2000/svg}"
    for alternative, name in shown:
        picture = ET.parse(FOLDER / name).getroot()  # noqa: S314  # our own file
        assert alternative
        assert picture.findtext(f"{space}title")
        assert picture.findtext(f"{space}desc")
        assert not list(picture.iter(f"{space}script"))


def test_every_link_of_the_page_leads_somewhere() -> None:
    headings = re.findall(r"^#+ (.+)$", PAGE, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", one).lower().replace(" ", "-") for one in headings}
    for target in re.findall(r"\]\(([^)]+)\)", PAGE):
        if target.startswith("#"):
            assert target[1:] in anchors
        else:
            assert (FOLDER / target).is_file()
