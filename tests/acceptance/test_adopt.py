"""An account with three configurations is taken over, and given back: nobody gets anything else."""

import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from tests.acceptance.cast import A1, ALICE, KA1, U567
from tests.acceptance.docusign_account import DocusignAccount, opened
from tests.acceptance.gateway import COMMAND, PATIENCE_SECONDS, TOKEN, Gateway
from tests.acceptance.recorder import Received, Recorder
from tests.acceptance.sdk import Sdk

from postroom.envelopes.legacy_element import NAMESPACE

START = "2026-03-02T09:00:00Z"
Told = tuple[str, str, str | None]
"""(which envelope of the play, the event or the state, the recipient)."""


@pytest.fixture
def docusign(tmp_path: Path) -> Iterator[DocusignAccount]:
    with opened(tmp_path / "account", start=START) as one:
        yield one


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCUSIGN_ACCESS_TOKEN", TOKEN)
    monkeypatch.setenv("DOCUSIGN_CONNECT_KEY", KA1)


def configure(admin: Sdk, recorder: Recorder) -> None:
    """Make the account's three configurations, and one that is off."""
    admin.configure(
        "Everything / all",
        recorder.url("ALL"),
        events=["envelope-sent", "envelope-completed", "recipient-completed", "envelope-voided"],
    )
    admin.configure(
        "ERP",
        f"{recorder.url('ERP')}?key=s3cret",
        events=["envelope-completed", "recipient-sent"],
        all_users="false",
        user_ids=[U567.user_id],
        event_data={"version": "restv2.1", "includeData": ["recipients", "tabs"]},
        requires_acknowledgement="false",
    )
    admin.configure(
        "Legacy",
        recorder.url("OLD"),
        delivery_mode="Aggregate",
        event_data={"version": "legacy", "includeData": []},
        envelope_events=["Completed", "voided"],
        include_hmac="false",
    )
    admin.configure(
        "Off", recorder.url("OFF"), events=["envelope-sent"], allow_envelope_publish="false"
    )


def play(docusign: DocusignAccount) -> list[str]:
    """Let two people send: one envelope each is signed, one is voided; return their ids."""
    made = []
    for sender in (U567, ALICE):
        sdk = Sdk(docusign.server, user=sender.user_id)
        signed = sdk.send("ada", "bea", fields={"Integration": "ERP"})
        sdk.sign_all(signed, ("1", "2"))
        voided = sdk.send("ada")
        sdk.void(voided)
        made += [signed, voided]
    return made


def told(one: Received, names: dict[str, str]) -> Told:
    if one.listener != "OLD":
        _, envelope_id, recipient_id, event = one.arrival
        return names[envelope_id], event, recipient_id
    status = etree.fromstring(one.body).find(f"{{{NAMESPACE}}}EnvelopeStatus")
    assert status is not None
    envelope_id = str(status.findtext(f"{{{NAMESPACE}}}EnvelopeID"))
    return names[envelope_id], str(status.findtext(f"{{{NAMESPACE}}}Status")), None


def played(
    docusign: DocusignAccount, recorder: Recorder, *others: Gateway
) -> dict[str, Counter[Told]]:
    """Play once; return what each URL was told."""
    before = len(recorder.received)
    names = {envelope_id: f"envelope {n}" for n, envelope_id in enumerate(play(docusign))}
    for one in (docusign.server, *others):
        one.until_quiet()
    got: dict[str, Counter[Told]] = {}
    for received in recorder.received[before:]:
        assert received.status == 200
        got.setdefault(received.listener.partition("?")[0], Counter())[told(received, names)] += 1
    return got


def adopt(docusign: DocusignAccount, folder: Path, *flags: str, expect: int = 0) -> str:
    done = subprocess.run(  # noqa: S603  # our own command
        [
            *COMMAND,
            "adopt",
            *("--base-path", f"{docusign.server.url}/restapi", "--account", A1),
            *("--out", str(folder / "adopted.yaml"), "--state", str(folder / "state.json")),
            *flags,
        ],
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    printed = done.stdout + done.stderr
    assert done.returncode == expect, printed
    assert TOKEN not in printed
    return done.stdout if not expect else printed


def configurations(docusign: DocusignAccount) -> Any:
    answer = docusign.server.http.get(f"/restapi/v2.1/accounts/{A1}/connect")
    return answer.json()["configurations"]


def test_an_adopted_account_tells_everybody_the_same_and_can_be_given_back(
    docusign: DocusignAccount, gateway: Gateway, recorder: Recorder, tmp_path: Path
) -> None:
    configure(docusign.admin, recorder)
    before = played(docusign, recorder)
    assert {"ALL", "ERP", "OLD"} == before.keys()
    former = configurations(docusign)
    to = ("--gateway-url", gateway.url)

    said = adopt(docusign, tmp_path, *to, "--json")
    assert "s3cret" not in said
    assert "s3cret" in (tmp_path / "adopted.yaml").read_text()
    plan = json.loads(said)
    assert [one["proof"] for one in plan["switch_off"]] == [{"is_same": True, "reasons": []}] * 3
    assert [one["name"] for one in plan["left"]] == ["Off"]
    assert configurations(docusign) == former, "a plan changes nothing"
    assert not (tmp_path / "state.json").exists()

    gateway.run("apply", str(tmp_path / "adopted.yaml"))
    asked = adopt(docusign, tmp_path, *to, "--apply", expect=2)
    assert "switches off 3 configurations" in asked
    assert "add --yes" in asked
    assert configurations(docusign) == former, "nothing is changed unasked"
    shown = adopt(docusign, tmp_path, *to, "--apply", "--yes")
    assert "is proved" in shown
    by_name = {one["name"]: one for one in configurations(docusign)}
    on = [name for name, one in by_name.items() if one["allowEnvelopePublish"] == "true"]
    assert len(on) == 1
    assert on[0].startswith("Postroom ")
    assert adopt(docusign, tmp_path, *to, "--apply"), "once more changes nothing"
    assert len(configurations(docusign)) == 5

    after = played(docusign, recorder, gateway)
    assert after == before
    assert gateway.every("unclaimed") != []  # what nobody asked for comes too, and is listed

    adopt(docusign, tmp_path, "--undo")
    assert configurations(docusign) == former
    adopt(docusign, tmp_path, "--undo")
    assert configurations(docusign) == former
    assert played(docusign, recorder, gateway) == before
    kept = (tmp_path / "state.json").read_text()
    assert json.loads(kept)["phase"] == "undone"
    assert TOKEN not in kept
