"""Advice for the cases people have: asked for, applied as written, and played through."""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.acceptance.cast import (
    A1,
    A2,
    ALICE,
    BOB,
    KA1,
    KA2,
    U123,
    U567,
    U600,
    USERS,
    envelope,
    envelope_id,
)
from tests.acceptance.conftest import Launch
from tests.acceptance.gateway import Gateway
from tests.acceptance.recorder import Arrival, Recorder
from tests.acceptance.sdk import Sdk

from postroom.envelopes.sim_envelope import SimEnvelope, SimSender
from postroom.operations.lint import lint

Json = Any
DONE = "envelope-completed"
MAIN = {"id": A1, "name": "Acme Corp", "users": USERS}
UK = {"id": A2, "name": "Acme UK", "parent": A1, "users": USERS}


@pytest.fixture(scope="module")
def shared(launch_once: Launch) -> Gateway:
    return launch_once()


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_CORP_CONNECT_KEY", KA1)
    monkeypatch.setenv("ACME_UK_CONNECT_KEY", KA2)


class Asking:
    """One scenario: its facts told, its files in a folder, its listeners recorded."""

    def __init__(self, gateway: Gateway, recorder: Recorder, folder: Path) -> None:
        self.gateway = gateway
        self.recorder = recorder
        self.out = folder / "advised"
        self._facts = folder / "facts.yaml"

    def ask(self, *integrations: Json, accounts: Iterable[Json] = (MAIN,), **facts: Json) -> Json:
        """Ask with a file of facts; return the advice by integration, and all of it."""
        self._facts.write_text(yaml.safe_dump(self._document(integrations, accounts, facts)))
        flags = ("--facts", str(self._facts), "--out", str(self.out), "--force")
        return self.gateway.ask("advise", *flags)

    def consider(self, *integrations: Json, **facts: Json) -> Json:
        """Ask the server for advice of which nothing is written."""
        document = self._document(integrations, (MAIN,), facts)
        answer = self.gateway.http.post("/api/v1/advise", json={"facts": document})
        assert answer.is_success, answer.text
        return answer.json()

    def _document(
        self, integrations: Iterable[Json], accounts: Iterable[Json], facts: Json
    ) -> Json:
        told = [{"url": self.recorder.url(one["name"])} | one for one in integrations]
        return facts | {"accounts": list(accounts), "integrations": told}

    def apply(self) -> None:
        """Find nothing to say against what is written, and apply it alone."""
        for path in self.out.iterdir():
            document = yaml.safe_load(path.read_text())
            assert lint(document, is_offline=True).problems == (), path.name
        self.gateway.run("apply", str(self.out / "connect.yaml"), "--prune")

    def tell(self, *envelopes: SimEnvelope, include: Iterable[str] = ()) -> None:
        for one in envelopes:
            self.gateway.tell(one, DONE, include=include)
        self.gateway.until_quiet()

    def check(self, **expected: Iterable[int]) -> None:
        """Each integration got exactly its own envelopes, and no two wanted one."""
        wanted = Counter(
            (name, envelope_id(number), None, DONE)
            for name, numbers in expected.items()
            for number in numbers
        )
        arrived: Counter[Arrival] = self.recorder.arrivals()
        assert arrived == wanted
        assert self.gateway.every("crossed") == []

    def unclaimed(self) -> set[str]:
        return {one["envelope_id"] for one in self.gateway.every("unclaimed")}


@pytest.fixture
def asking(shared: Gateway, recorder: Recorder, tmp_path: Path) -> Asking:
    return Asking(shared, recorder, tmp_path)


def options(advised: Json) -> dict[str, list[int]]:
    told = advised["advice"]["recommendations"]
    return {one["integration"]: one["options"] for one in told}


def why_not(advised: Json, integration: str, option: int) -> str:
    told = advised["advice"]["recommendations"]
    [one] = [one for one in told if one["integration"] == integration]
    [reason] = [each["why_not"] for each in one["passed_over"] if each["option"] == option]
    return str(reason)


def verdicts(advised: Json) -> Counter[str]:
    return Counter(one["verdict"] for one in advised["advice"]["pairs"])


def sends(name: str, *senders: SimSender, **more: Json) -> Json:
    return {"name": name, "senders": [one.email for one in senders]} | more


def marked(value: str, how: str = "always", name: str = "Integration") -> Json:
    return {"name": name, "value": value, "set": how}


def test_the_articles_case_is_told_apart_by_its_users_123_and_567(asking: Asking) -> None:
    advised = asking.ask(sends("AAA", U123), sends("BBB", U567))
    assert options(advised) == {"AAA": [4], "BBB": [4]}
    assert verdicts(advised) == {"apart": 1}
    connect = str(asking.out / "connect.yaml")
    assert "+ listener AAA added" in asking.gateway.run("apply", connect, "--dry-run")
    asking.apply()
    asking.tell(
        envelope(9101, sender=U123), envelope(9102, sender=U567), envelope(9103, sender=ALICE)
    )
    asking.check(AAA=[9101], BBB=[9102])
    assert envelope_id(9103) in asking.unclaimed(), "everyday users are nobody's"


def test_two_integrations_with_one_sender_are_told_apart_by_a_custom_field(asking: Asking) -> None:
    advised = asking.ask(
        sends("crm", U123, field=marked("CRM")), sends("erp", U123, field=marked("ERP"))
    )
    assert options(advised) == {"crm": [4, 3], "erp": [4, 3]}
    asking.apply()
    asking.tell(
        envelope(9201, sender=U123, Integration="CRM"),
        envelope(9202, sender=U123, Integration="ERP"),
        envelope(9203, sender=ALICE, Integration="ERP"),
        envelope(9204, sender=U123),
    )
    asking.check(crm=[9201], erp=[9202])


def test_a_vendors_listener_that_cannot_be_changed_needs_postroom_to_go_by_a_field(
    asking: Asking,
) -> None:
    told = (
        sends("ours", U567, field=marked("Ours"), listener_can_change=True),
        sends("vendor", U567, field=marked("Vendor")),
    )
    alone = asking.consider(*told, postroom=False)
    assert options(alone)["vendor"] == []
    assert "needs Postroom in front" in why_not(alone, "vendor", 3)
    advised = asking.ask(*told)
    assert options(advised) == {"ours": [4, 3], "vendor": [4, 3]}
    asking.apply()
    asking.tell(
        envelope(9301, sender=U567, Integration="Ours"),
        envelope(9302, sender=U567, Integration="Vendor"),
    )
    asking.check(ours=[9301], vendor=[9302])


def test_a_vendor_that_can_mark_nothing_gets_what_its_user_sends_and_nobody_marks(
    asking: Asking,
) -> None:
    advised = asking.ask(sends("ours", U567, field=marked("Ours")), sends("vendor", U567))
    assert options(advised) == {"ours": [4, 3], "vendor": [4, 3]}
    assert verdicts(advised) == {"apart": 1}
    asking.apply()
    asking.tell(
        envelope(9351, sender=U567, Integration="Ours"),
        envelope(9352, sender=U567),
        envelope(9353, sender=ALICE),
    )
    asking.check(ours=[9351], vendor=[9352])


def test_a_listener_that_must_share_nothing_gets_an_account_and_then_its_own(
    asking: Asking,
) -> None:
    main = sends("main", U123, only_for_it=True)
    uk = {"name": "uk", "strict": True}
    first = asking.consider(main, uk, further_account=True)
    assert options(first) == {"main": [4], "uk": [1]}
    assert "uk is in no file until its account is there" in first["advice"]["still_open"]
    advised = asking.ask(main, uk | {"account": "Acme UK"}, accounts=(MAIN, UK))
    assert options(advised) == {"main": [4], "uk": [1]}
    asking.apply()
    asking.tell(
        envelope(9401, sender=U123),
        envelope(9402, account=A2, sender=ALICE),
        envelope(9403, account=A2, sender=U123),
    )
    asking.check(main=[9401], uk=[9402, 9403])


def test_staging_and_production_of_one_sender_are_told_apart_by_the_environment(
    asking: Asking,
) -> None:
    account = MAIN | {"environment_field": "Env"}
    advised = asking.ask(
        sends("live", U567, environment="production"),
        sends("stage", U567, environment="staging"),
        accounts=[account],
    )
    assert options(advised) == {"live": [4, 3], "stage": [4, 3]}
    asking.apply()
    asking.tell(
        envelope(9501, sender=U567, Env="production"),
        envelope(9502, sender=U567, Env="staging"),
        envelope(9503, sender=U567, Env="prod"),
    )
    asking.check(live=[9501], stage=[9502])


def test_an_archive_gets_everything_beside_those_that_get_their_own(asking: Asking) -> None:
    advised = asking.ask(
        sends("crm", U123), sends("erp", U567), {"name": "archive", "wants": "all"}
    )
    assert options(advised) == {"crm": [4], "erp": [4], "archive": [2]}
    written = yaml.safe_load((asking.out / "connect.yaml").read_text())["listeners"]
    lanes = {one["name"]: one.get("lane") for one in written}
    assert lanes == {"crm": "write-back", "erp": "write-back", "archive": None}
    asking.apply()
    asking.tell(
        envelope(9601, sender=U123), envelope(9602, sender=U567), envelope(9603, sender=BOB)
    )
    asking.check(crm=[9601], erp=[9602], archive=[9601, 9602, 9603])


def test_what_a_sender_forgets_to_mark_reaches_nobody_and_the_advice_says_so(
    asking: Asking,
) -> None:
    advised = asking.ask(
        sends("crm", U123, field=marked("CRM")),
        sends("erp", U123, field=marked("ERP", "sometimes")),
    )
    assert options(advised) == {"crm": [4, 3], "erp": [4, 3]}
    said = "envelopes of erp without Integration = ERP reach nobody"
    assert any(one.startswith(said) for one in advised["advice"]["still_open"])
    asking.apply()
    asking.tell(envelope(9701, sender=U123, Integration="ERP"), envelope(9702, sender=U123))
    asking.tell(envelope(9703, sender=U123), include=["recipients"])
    asking.check(erp=[9701])
    assert envelope_id(9702) in asking.unclaimed()
    held = {(one["envelope_id"], one["listener"]) for one in asking.gateway.every("held")}
    assert held == {(envelope_id(9703), "crm"), (envelope_id(9703), "erp")}, "nobody can know"


def test_where_nothing_tells_two_apart_the_advice_says_so_and_crosses_nothing(
    asking: Asking,
) -> None:
    told = (sends("one", U600), sends("two", U600), sends("other", U567))
    advised = asking.ask(*told)
    assert options(advised) == {"one": [], "two": [], "other": [4]}
    assert "only a sub-account would" in " ".join(advised["advice"]["still_open"])
    with_one_more = asking.consider(*told, further_account=True)
    assert sorted(options(with_one_more).values()) == [[1], [4], [4]]
    asking.apply()
    asking.tell(envelope(9801, sender=U600), envelope(9802, sender=U567))
    asking.check(other=[9802])
    assert envelope_id(9801) in asking.unclaimed()


def test_what_people_mark_is_told_apart_from_what_a_service_marks_alike(asking: Asking) -> None:
    advised = asking.ask(
        sends("erp", U567), {"name": "hr", "senders": "everyday", "field": marked("HR")}
    )
    assert options(advised) == {"erp": [4], "hr": [4, 3]}
    assert verdicts(advised) == {"apart": 1}
    asking.apply()
    asking.tell(
        envelope(9901, sender=ALICE, Integration="HR"),
        envelope(9902, sender=BOB),
        envelope(9903, sender=U567, Integration="HR"),
    )
    asking.check(hr=[9901], erp=[9903])


def test_what_api_calls_create_carries_its_own_listener(
    launch: Launch, recorder: Recorder, tmp_path: Path
) -> None:
    gateway = launch(flags=("--offline",))
    asking = Asking(gateway, recorder, tmp_path)
    by_api = {"created_by_api": True, "code_can_change": True}
    advised = asking.ask(
        sends("app1", U567, **by_api),
        sends("app2", U567, **by_api),
        sends("crm", U123, events=[DONE]),
    )
    assert options(advised) == {"app1": [5], "app2": [5], "crm": [4]}
    assert verdicts(advised) == {"apart": 3}
    asking.apply()
    for name in ("app1", "app2"):
        own = json.loads((asking.out / f"event-notification-{name}.json").read_text())
        sdk = Sdk(gateway, user=U567.email)
        sdk.sign_all(sdk.send("ada", event_notification=own))
    sdk = Sdk(gateway, user=U123.email)
    sdk.sign_all(sdk.send("ada"))
    sdk = Sdk(gateway, user=ALICE.email)
    sdk.sign_all(sdk.send("ada"))
    gateway.until_quiet()
    told = Counter((one.listener, one.message["event"]) for one in recorder.deliveries())
    assert told == {("app1", DONE): 1, ("app2", DONE): 1, ("crm", DONE): 1}


def test_crossed_listeners_are_parted_by_what_their_traffic_shows(
    launch: Launch, recorder: Recorder, tmp_path: Path
) -> None:
    gateway = launch()
    listeners = [
        {"name": name, "account": A1, "url": recorder.url(name), "format": "sim"}
        for name in ("crm", "erp", "audit")
    ]
    account = {"id": A1, "name": "Acme Corp", "keys": [{"text": KA1}], "users": USERS}
    gateway.apply({"accounts": [account], "listeners": listeners})
    asking = Asking(gateway, recorder, tmp_path)
    for number in range(4):
        asking.tell(envelope(100 + number, sender=U567, Integration="CRM"))
        asking.tell(envelope(200 + number, sender=U567, Integration="ERP"))
    asking.tell(envelope(300, sender=U567), envelope(301, sender=ALICE))
    before = recorder.totals()
    assert before == {"crm": 10, "erp": 10, "audit": 10}

    advised = gateway.ask("advise", "--from-traffic", "--out", str(asking.out))
    assert options(advised) == {"crm": [4, 3], "erp": [4, 3], "audit": [2]}
    seen = advised["traffic"]
    assert (seen["envelopes"], seen["shared_now"][0]["envelopes"]) == (10, 10)
    [covered] = [one for one in seen["coverage"] if one["sender"] == U567.email]
    assert (covered["envelopes"], covered["without"]) == (9, 1)
    assert covered["values"] == {"CRM": 4, "ERP": 4}
    assert any("missing on 1 of 9" in one for one in seen["contradictions"])
    shown = gateway.run("advise", "--from-traffic")
    assert "crm and erp both want 10 envelopes now." in shown
    assert f"Integration is set on 89 % of the 9 envelopes sent by {U567.email}" in shown

    gateway.run("apply", str(asking.out / "connect.yaml"))
    assert gateway.listener("crm")["format"] == "sim", "what advice has no part in stays"
    asking.tell(
        envelope(400, sender=U567, Integration="CRM"),
        envelope(401, sender=U567, Integration="ERP"),
        envelope(402, sender=ALICE, Integration="ERP"),
    )
    after = recorder.totals()
    assert {name: after[name] - before[name] for name in before} == {"crm": 1, "erp": 1, "audit": 3}
