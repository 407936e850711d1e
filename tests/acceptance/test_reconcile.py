"""Reconcile: the account tells what the feed did not, and what is made up comes once."""

import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.cast import A1, account
from tests.acceptance.docusign_account import DocusignAccount, opened
from tests.acceptance.gateway import COMMAND, Gateway
from tests.acceptance.recorder import Recorder

START = "2026-03-02T09:00:00+00:00"
EVENTS = ["envelope-sent", "recipient-completed", "envelope-completed"]


@pytest.fixture
def docusign(tmp_path: Path) -> Iterator[DocusignAccount]:
    with opened(tmp_path / "docusign", start=START) as one:
        yield one


@pytest.fixture
def joined(gateway: Gateway, recorder: Recorder, docusign: DocusignAccount) -> Gateway:
    """Apply ERP and HR at the gateway, and let the account's feed publish to it."""

    def listener(name: str, **more: Any) -> dict[str, Any]:
        said = {"customFields.Integration": name}
        return {"name": name, "account": A1, "url": recorder.url(name), "filter": said} | more

    gateway.apply(
        {
            "accounts": [account(A1, "Acme Corp", enrichment=docusign.enrichment())],
            "listeners": [
                listener("ERP", events=["envelope-completed"]),
                listener("HR", events=["envelope-sent", "recipient-completed"]),
            ],
        }
    )
    docusign.configure(gateway, events=EVENTS)
    return gateway


def settle(docusign: DocusignAccount, gateway: Gateway) -> None:
    """Wait until what the account tells has come through."""
    docusign.server.until_quiet()
    gateway.until_quiet()


def reconcile(gateway: Gateway, *flags: str, expect: int = 0) -> Any:
    printed = gateway.run(
        "reconcile", "--account", A1, "--since", START, "--json", *flags, expect=expect
    )
    return json.loads(printed)


def lost_while_down(
    docusign: DocusignAccount, gateway: Gateway, recorder: Recorder
) -> dict[str, str]:
    """Let one envelope arrive, then two live through an outage of the gateway."""
    sdk = docusign.sdk
    names = {"arrived": sdk.send("ada", fields={"Integration": "ERP"})}
    sdk.sign_all(names["arrived"])
    settle(docusign, gateway)
    assert recorder.totals() == {"ERP": 1}
    gateway.stop()
    docusign.advance(gateway, minutes=1)
    names["erp"] = sdk.send("ada", fields={"Integration": "ERP"})
    sdk.sign_all(names["erp"])
    names["hr"] = sdk.send("ada", "ben", fields={"Integration": "HR"})
    sdk.sign_all(names["hr"], ["1"])
    docusign.server.until_quiet()
    gateway.now = docusign.server.now
    gateway.start()
    return names


def test_what_was_lost_is_listed_made_up_once_and_never_twice(
    docusign: DocusignAccount, joined: Gateway, recorder: Recorder
) -> None:
    names = lost_while_down(docusign, joined, recorder)
    docusign.advance(joined, minutes=10)  # the account tries a listener that is down again
    docusign.sdk.sign_all(names["hr"], ["2"])
    settle(docusign, joined)
    before = len(recorder.received)

    found = reconcile(joined, expect=1)
    assert Counter(
        (one["envelope_id"], one["event"], one["recipient_id"]) for one in found["items"]
    ) == Counter(
        [
            (names["erp"], "envelope-sent", None),
            (names["erp"], "recipient-completed", "1"),
            (names["erp"], "envelope-completed", None),
            (names["hr"], "envelope-sent", None),
            (names["hr"], "recipient-completed", "1"),
        ]
    )
    wanted = {(one["envelope_id"], one["event"]): one["wanted_by"] for one in found["items"]}
    assert wanted[names["erp"], "envelope-completed"] == ["ERP"]
    assert wanted[names["erp"], "envelope-sent"] == []
    assert wanted[names["hr"], "envelope-sent"] == ["HR"]
    assert (found["unknown"], found["problem"], found["injected"]) == ([], None, 0)
    assert len(recorder.received) == before

    done = reconcile(joined, "--inject")
    assert (done["missing"], done["injected"]) == (5, 5)
    joined.until_quiet()
    made_up = [one for one in recorder.received if one.headers.get("postroom-derived") == "true"]
    assert Counter(one.arrival for one in made_up) == Counter(
        [
            ("ERP", names["erp"], None, "envelope-completed"),
            ("HR", names["hr"], None, "envelope-sent"),
            ("HR", names["hr"], "1", "recipient-completed"),
        ]
    )
    after = len(recorder.received)
    assert reconcile(joined, "--inject")["missing"] == 0
    verbs = [one["verb"] for one in joined.every("audit")]
    assert verbs.count("reconcile") == 2

    for name in ("erp", "hr"):  # now Docusign sends what it could not: retryCount 1
        docusign.admin.connect.retry_event_for_envelope(A1, names[name])
    settle(docusign, joined)
    assert len(recorder.received) == after
    repeats = {
        one["event"]: one["repeats"] for one in joined.every("notifications", envelope=names["erp"])
    }
    assert repeats == {"envelope-sent": 1, "recipient-completed": 1, "envelope-completed": 1}


def test_a_person_is_told_what_is_missing_and_what_to_do(
    docusign: DocusignAccount, joined: Gateway, recorder: Recorder
) -> None:
    lost_while_down(docusign, joined, recorder)
    docusign.advance(joined, minutes=10)
    asked = ("reconcile", "--account", "Acme Corp", "--since", START)
    said = joined.run(*asked, expect=1)
    assert "3 envelopes looked at; 5 events from 2026-03-02" in said
    assert "Add --inject to make them up" in said
    assert "Not looked for, since the feed has told none" in said
    docusign.server.stop()
    assert "no connection" in joined.run(*asked, expect=4)
    joined.stop()
    where = ("--database", f"sqlite:///{joined.folder / 'postroom.db'}")
    alone = subprocess.run(  # noqa: S603  # our own command
        [*COMMAND, *asked, "--inject", *where], capture_output=True, text=True, check=False
    )
    assert "delivered by a running server" in alone.stderr
    assert alone.returncode == 4
