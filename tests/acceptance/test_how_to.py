"""The how-to pages do what they say, word for word, and print what they show."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.acceptance.cast import A1, KA1, U567, account, envelope, envelope_id
from tests.acceptance.conftest import Launch
from tests.acceptance.docusign_account import DocusignAccount, opened
from tests.acceptance.gateway import TOKEN, Gateway
from tests.acceptance.how_to import ROOT, HowTo
from tests.acceptance.recorder import Recorder
from tests.acceptance.tutorial import Tutorial

from postroom.cli.program import COMMANDS
from postroom.operations.connect.event_notification import KEYS

Follow = Callable[[str], HowTo]
CONFIGURATION = {
    "connectId": "1",
    "name": "The feed",
    "urlToPublishTo": "https://connect.example.com/connect",
    "configurationType": "custom",
    "allUsers": "true",
    "allowEnvelopePublish": "true",
    "requiresAcknowledgement": "true",
    "enableLog": "true",
    "includeHMAC": "true",
    "deliveryMode": "SIM",
    "events": ["envelope-completed", "envelope-declined", "envelope-voided"],
    "eventData": {"version": "restv2.1", "includeData": ["recipients"]},
}


def asking(page: str, gateway: Gateway, folder: Path, **otherwise: Mapping[str, Any]) -> Tutorial:
    """Open a page whose reader has a gateway already, and asks that."""
    opened = Tutorial(f"how-to/{page}", folder, **otherwise)
    opened.environment = {"POSTROOM_SERVER": gateway.url, "POSTROOM_TOKEN": TOKEN}
    return opened


@pytest.fixture
def docusign(tmp_path: Path) -> Iterator[DocusignAccount]:
    with opened(tmp_path / "docusign", start="2026-03-02T09:00:00Z") as one:
        yield one


@pytest.fixture
def crossed(gateway: Gateway, recorder: Recorder) -> Gateway:
    """Return a gateway at which erp and crm, of one lane, both want one notification."""
    listeners = [
        {"name": name, "account": A1, "url": recorder.url(name), "lane": "write-back"}
        for name in ("crm", "erp")
    ]
    gateway.apply({"accounts": [account(A1, "Acme Corp")], "listeners": listeners})
    gateway.tell(envelope(1), "envelope-completed")
    gateway.until_quiet()
    return gateway


@pytest.fixture
def follow(tmp_path: Path) -> Iterator[Follow]:
    """Yield what follows a page to its end and leaves what it started running until the test's."""
    pages: list[HowTo] = []

    def one(page: str) -> HowTo:
        pages.append(HowTo(page, tmp_path))
        pages[-1].follow()
        return pages[-1]

    yield one
    for page in pages:
        page.close()


def test_developing_offline_works_as_the_page_says(follow: Follow) -> None:
    page = follow("develop-an-integration-offline.md")
    for told in (
        *("/erp envelope-sent", "/erp envelope-completed", "/erp envelope-declined"),
        *("/app2 recipient-authenticationfailed", "/app2 envelope-completed"),
    ):
        page.wait_for("listener", told)
    # Account, people and integration are those that the server names.
    [shown] = [text for _, _, text in page.blocks if "Postroom listens on" in text]
    said = page.printed("server").splitlines()
    named = [line for line in shown.splitlines() if line.startswith(("Offline", "  "))]
    assert len(named) == 7
    assert [line for line in named if line not in said] == []


def test_running_in_ci_works_as_the_page_says(follow: Follow) -> None:
    page = follow("run-in-your-own-ci.md")
    [job] = [yaml.safe_load(text) for name, _, text in page.blocks if name == "ci.yaml"]
    run = [step["run"] for step in job["jobs"]["test"]["steps"] if "run" in step]
    ours = [line.split()[1] for line in run if line.startswith("postroom ")]
    assert ours == ["lint"]
    assert set(ours) <= COMMANDS.keys()


def test_the_pages_event_notification_has_no_key_that_is_none(tmp_path: Path) -> None:
    page = HowTo("develop-an-integration-offline.md", tmp_path)
    [said] = [json.loads(text) for _, language, text in page.blocks if language == "json"]
    assert set(said) <= set(KEYS)


def test_checking_in_ci_finds_what_the_page_shows(tmp_path: Path) -> None:
    (tmp_path / "configurations.json").write_text(json.dumps({"configurations": [CONFIGURATION]}))
    page = Tutorial(
        "how-to/check-listeners-in-ci.md",
        tmp_path,
        ends={
            "postroom check connect.yaml": 1,
            "postroom check connect.yaml configurations.json": 1,
        },
    )
    page.follow()
    [steps] = [yaml.safe_load(text) for _, _, text in page.blocks if text.startswith("- run:")]
    name, command, *flags = steps[0]["run"].split()
    assert (name, command, flags[1:]) == ("postroom", "check", ["--sarif", "check.sarif"])


def test_changing_listeners_goes_as_the_page_shows(
    gateway: Gateway, recorder: Recorder, tmp_path: Path
) -> None:
    names = ("crm", "erp")
    listeners: list[dict[str, Any]] = [
        {"name": one, "account": A1, "url": recorder.url(one)} for one in names
    ]
    said = {"accounts": [account(A1, "Acme Corp")], "listeners": listeners}
    gateway.apply(said)
    for number, value in enumerate(["CRM", "ERP", "ERP", "erp ", "HR"], start=1):
        gateway.tell(envelope(number, Integration=value), "envelope-completed")
    gateway.until_quiet()
    listeners[-1]["filter"] = {"customFields.Integration": "ERP"}
    (tmp_path / "connect.yaml").write_text(yaml.safe_dump(said))
    asking("change-listeners-safely.md", gateway, tmp_path).follow()
    assert gateway.run("diff", str(tmp_path / "connect.yaml"))


def test_finding_out_why_goes_as_the_page_shows(
    gateway: Gateway, recorder: Recorder, tmp_path: Path
) -> None:
    wanted = {"events": ["envelope-completed"], "filter": {"customFields.Integration": "ERP"}}
    erp = {"name": "ERP", "account": A1, "url": recorder.url("ERP")} | wanted
    every = {"name": "all", "account": A1, "url": recorder.url("all"), "retry": [1, 1]}
    gateway.apply({"accounts": [account(A1, "Acme Corp")], "listeners": [erp, every]})
    for number in range(1, 8):
        gateway.tell(envelope(number, Integration="erp "), "envelope-sent")
    gateway.until_quiet()
    recorder.say("all", status=503)
    gateway.advance(minutes=4, seconds=12)
    for number in range(1, 3):
        gateway.tell(envelope(number, Integration="erp "), "envelope-completed")
    for _ in range(3):
        gateway.until_quiet()
        gateway.advance(minutes=1)
    found = gateway.find(envelope_id(1), "envelope-completed")
    page = "find-out-why.md"
    asking(page, gateway, tmp_path, instead={"explain evt_…": f"explain {found['id']}"}).follow()


def test_trying_in_the_shadow_goes_as_the_page_shows(
    gateway: Gateway, recorder: Recorder, tmp_path: Path
) -> None:
    page = asking("try-a-listener-in-the-shadow.md", gateway, tmp_path)
    [text] = [text for _, language, text in page.blocks if language == "yaml"]
    shadow = yaml.safe_load(text)["listeners"][0] | {"url": recorder.url("erp-2")}
    of_erp = {"name": "erp", "mode": "live", "url": recorder.url("erp")}
    erp = shadow | of_erp | {"filter": {"customFields.Integration": "ERP"}}
    document = {"accounts": [account(A1, "Acme Corp")], "listeners": [erp]}
    gateway.apply(document)
    document["listeners"].append(shadow)
    (tmp_path / "connect.yaml").write_text(yaml.safe_dump(document))
    blocks = [text for _, language, text in page.blocks if language == "console"]
    page.do(blocks[0])
    for number, value in enumerate(["ERP"] * 15 + ["Erp"] * 3 + ["HR"] * 2, start=1):
        gateway.tell(envelope(number, Integration=value), "envelope-completed")
    gateway.until_quiet()
    gateway.advance(days=3, minutes=1)
    for block in blocks[1:-1]:
        page.do(block)
    document["listeners"] = [shadow | {"mode": "live"}]
    (tmp_path / "connect.yaml").write_text(yaml.safe_dump(document))
    page.do(blocks[-1])
    assert [one["name"] for one in gateway.every("listeners")] == ["erp-2"]
    assert recorder.totals() == {"erp": 15}


def test_enriching_and_reconciling_go_as_their_pages_show(
    gateway: Gateway, recorder: Recorder, docusign: DocusignAccount, tmp_path: Path
) -> None:
    (tmp_path / "integration.pem").write_text(docusign.private_key)
    instead = {
        "1f0c1f3e-0000-4000-8000-00000000abcd": docusign.integration_key,
        "https://demo.docusign.net/restapi": f"{docusign.server.url}/restapi",
        "https://account-d.docusign.com": docusign.server.url,
    }
    page = asking("enrich-what-the-feed-leaves-out.md", gateway, tmp_path, instead=instead)
    [text] = [text for _, language, text in page.blocks if language == "yaml"]
    said = account(A1, "Acme Corp") | yaml.safe_load(text)["accounts"][0]
    wants = {"customFields.Integration": "ERP"}
    erp = {"name": "erp", "account": A1, "url": recorder.url("erp"), "filter": wants}
    (tmp_path / "connect.yaml").write_text(yaml.safe_dump({"accounts": [said], "listeners": [erp]}))
    page.environment["ACME_CONNECT_KEY"] = KA1
    page.follow()
    feed = {"version": "restv2.1", "includeData": ["recipients"]}
    docusign.configure(gateway, events=["envelope-completed"], event_data=feed)
    sent = docusign.sdk.send("ada", fields={"Integration": "ERP"})
    docusign.sdk.sign_all(sent)
    docusign.server.until_quiet()
    gateway.until_enriched()
    assert recorder.totals() == {"erp": 1}

    gateway.stop()
    docusign.advance(gateway, minutes=1)
    docusign.sdk.sign_all(docusign.sdk.send("ada", fields={"Integration": "ERP"}))
    docusign.server.until_quiet()
    gateway.now = docusign.server.now
    gateway.start()
    docusign.advance(gateway, minutes=10)
    asking(
        "reconcile-after-an-outage.md",
        gateway,
        tmp_path,
        ends={'postroom reconcile --account "Acme Corp" --since 2026-03-02T09:00Z': 1},
    ).follow()


def test_adopting_goes_as_the_page_shows(
    gateway: Gateway, docusign: DocusignAccount, tmp_path: Path
) -> None:
    for name, url, said in (
        ("Everything", "https://audit.example.com/hook", {}),
        ("ERP", "https://erp.example.com/docusign", {"user_ids": [U567.user_id]}),
        ("Legacy", "https://old.example.com/connect", {"delivery_mode": "Aggregate"}),
    ):
        users = {"all_users": "false"} if said.get("user_ids") else {}
        xml = {"event_data": {"version": "legacy"}} if name == "Legacy" else {}
        docusign.admin.configure(name, url, events=["envelope-completed"], **said, **users, **xml)
    instead = {
        "https://demo.docusign.net/restapi": f"{docusign.server.url}/restapi",
        "DOCUSIGN_ACCESS_TOKEN=...": f"DOCUSIGN_ACCESS_TOKEN={TOKEN}",
        "DOCUSIGN_CONNECT_KEY=...": f"DOCUSIGN_CONNECT_KEY={KA1}",
    }
    asking("adopt-an-account.md", gateway, tmp_path, instead=instead).follow()
    assert [one["name"] for one in gateway.every("listeners")] == ["ERP", "Everything", "Legacy"]


@pytest.mark.parametrize(
    "page", ["keep-integrations-apart.md", "recover-after-an-outage.md", "rotate-a-key.md"]
)
def test_a_short_page_goes_as_it_shows(page: str, crossed: Gateway, tmp_path: Path) -> None:
    id_ = crossed.get("crossed")["items"][0]["notification_id"]
    key = crossed.get("keys")["items"][0]["id"]
    opened = asking(page, crossed, tmp_path)
    for block in [text for _, language, text in opened.blocks if language == "console"]:
        opened.do(block.replace("evt_…", id_).replace("retire KEY", f"retire {key}"))


def test_the_readme_s_first_listeners_go_as_it_says(
    launch: Launch, recorder: Recorder, tmp_path: Path
) -> None:
    gateway = launch(start="2026-11-24T09:00:00Z")
    instead = {
        ".venv/bin/postroom": "postroom",
        "https://erp.example.com": recorder.url("erp"),
        "https://salesforce.example.com": recorder.url("salesforce"),
        "https://audit.example.com": recorder.url("audit"),
        "export POSTROOM_SERVER=http://127.0.0.1:8080 POSTROOM_TOKEN=prt_...": "true",
    }
    page = asking("../../README.md", gateway, tmp_path, instead=instead)
    [said] = [text for _, language, text in page.blocks if language == "yaml"]
    (tmp_path / "connect.yaml").write_text(said)
    consoles = [text for _, language, text in page.blocks if language == "console"]
    [first] = [text for text in consoles if "postroom listeners" in text]
    before, explain = first.split("$ postroom explain")
    page.do(before)
    gateway.until_quiet()
    assert recorder.totals() == {"erp/docusign": 1, "audit/all": 6}
    [completed] = gateway.get("notifications", events="envelope-completed")["items"]
    page.do(f"$ postroom explain{explain}".replace("evt_...", completed["id"]))
    [known_before] = [text for text in consoles if "postroom check" in text]
    page.do(known_before)


def test_every_how_to_page_has_a_test_that_reads_it() -> None:
    tests = "".join(one.read_text() for one in (ROOT / "tests").rglob("test_*.py"))
    pages = [one.name for one in (ROOT / "docs" / "how-to").glob("*.md")]
    assert len(pages) >= 14
    assert [one for one in pages if one not in tests] == []
