"""A changed connect.yaml through the real command line: planned, applied as planned, compared."""

import json
from pathlib import Path
from typing import Any

import yaml
from tests.acceptance.cast import A1, account, envelope
from tests.acceptance.gateway import Gateway
from tests.acceptance.recorder import Recorder

NAMES = ("SF", "ERP")


def document(recorder: Recorder, **filters: str) -> dict[str, Any]:
    listeners: list[dict[str, Any]] = [
        {"name": name, "account": A1, "url": recorder.url(name)} for name in NAMES
    ]
    for one in listeners:
        if one["name"] in filters:
            one["filter"] = {"customFields.Integration": filters[one["name"]]}
    return {"accounts": [account(A1, "Acme Corp")], "listeners": listeners}


def write(path: Path, said: dict[str, Any]) -> str:
    path.write_text(yaml.safe_dump(said))
    return str(path)


def test_crossed_wires_are_planned_apart_and_only_what_was_planned_is_applied(
    gateway: Gateway, recorder: Recorder, tmp_path: Path
) -> None:
    gateway.apply(document(recorder))
    for number, integration in enumerate(["Salesforce", "ERP", "ERP", "erp "], start=1):
        gateway.tell(envelope(number, Integration=integration), "envelope-completed")
    gateway.tell(envelope(5), "envelope-completed")
    gateway.until_quiet()
    assert recorder.totals() == {"SF": 5, "ERP": 5}, "the wires are crossed"

    apart = write(tmp_path / "apart.yaml", document(recorder, SF="Salesforce", ERP="ERP"))
    kept = str(tmp_path / "plan.json")
    told = gateway.run("plan", apart, "--days", "7", "--out", kept)
    assert "5 notifications" in told
    assert "SF would have lost: 4" in told
    assert "ERP would have lost: 3" in told
    assert '"erp "' in told, "the near miss is named"
    assert "Nobody would have had these any more: 2" in told
    assert gateway.ask("diff", apart, expect=1)["differing"][0]["name"] == "SF"

    assert "text" not in Path(kept).read_text(), "a plan holds no key"
    write(tmp_path / "apart.yaml", document(recorder, SF="Salesforce"))
    assert "plan again" in gateway.run("apply", "--plan", kept, expect=4)
    write(tmp_path / "apart.yaml", document(recorder, SF="Salesforce", ERP="ERP"))
    gateway.run("apply", "--plan", kept)
    assert "0 differ" in gateway.run("diff", apart)
    assert "plan again" in gateway.run("apply", "--plan", kept, expect=4), "once is enough"

    gateway.tell(envelope(6, Integration="ERP"), "envelope-completed")
    gateway.until_quiet()
    assert recorder.totals() == {"SF": 5, "ERP": 6}


def test_what_cannot_be_planned_is_refused_with_its_place(
    gateway: Gateway, recorder: Recorder, tmp_path: Path
) -> None:
    gateway.apply(document(recorder))
    wrong = document(recorder, SF="Salesforce")
    wrong["listeners"][0]["filter"] = {"customFields.Integration": {"equal": "Salesforce"}}
    told = gateway.run("plan", write(tmp_path / "wrong.yaml", wrong), expect=2)
    assert "wrong.yaml:" in told
    assert "did you mean `equals`?" in told
    (tmp_path / "no.json").write_text(json.dumps({"fingerprint": "x"}))
    told = gateway.run("apply", "--plan", str(tmp_path / "no.json"), expect=2)
    assert "is no plan" in told
    told = gateway.run("apply", "x.yaml", "--plan", str(tmp_path / "no.json"), expect=2)
    assert "a plan says which file" in told
