"""`postroom trigger` and `postroom envelopes` as real processes: on a server, and at a URL."""

import json
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.cast import KA1, KA2, docusign_signature
from tests.acceptance.recorder import Recorder
from tests.flow.test_cli_main_path import BARE, COMMAND, TOKEN, run

TOLD = [
    "recipient-sent",
    "envelope-sent",
    "recipient-delivered",
    "envelope-delivered",
    "recipient-completed",
    "envelope-completed",
]


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recording = Recorder()
    yield recording
    recording.close()


def straight(recorder: Recorder, *arguments: str, expect: int = 0, **environment: str) -> Any:
    """Trigger straight at a listener; return the answer as JSON."""
    url = recorder.url("hook")
    done = run("trigger", *arguments, "--url", url, "--json", expect=expect, **environment)
    return json.loads(done.stdout)


def test_an_envelope_s_life_goes_straight_to_a_url_signed_with_each_key(
    recorder: Recorder,
) -> None:
    done = straight(
        recorder,
        *("Completed", "--sender", "123", "--field", "Integration=Integration A"),
        *("--include", "custom_fields,recipients", "--key-env", "K1", "--key-env", "K2"),
        K1=KA1,
        K2=KA2,
    )
    assert [one["event"] for one in done["messages"]] == TOLD
    assert done["acknowledged"] == 6
    for one in recorder.received:
        assert one.headers["content-type"] == "application/json"
        assert one.headers["x-authorization-digest"] == "HMACSHA256"
        assert one.headers["x-docusign-accountid"] == done["account_id"]
        assert one.headers["x-docusign-signature-1"] == docusign_signature(KA1, one.body)
        assert one.headers["x-docusign-signature-2"] == docusign_signature(KA2, one.body)
    assert [one.message["event"] for one in recorder.received] == TOLD
    last = recorder.received[-1].message
    assert last["data"]["userId"].endswith("-000000000123")
    assert list(last) == [
        *("event", "apiVersion", "uri", "retryCount", "configurationId", "generatedDateTime"),
        "data",
    ]
    summary = last["data"]["envelopeSummary"]
    assert summary["customFields"]["textCustomFields"][0]["value"] == "Integration A"
    assert summary["recipients"]["signers"][0]["status"] == "completed"


def test_without_a_key_nothing_is_signed_and_without_includes_no_summary_is_sent(
    recorder: Recorder,
) -> None:
    straight(recorder, "envelope-sent", "--account", "7")
    for one in recorder.received:
        assert not [name for name in one.headers if name.startswith("x-")]
        assert one.message["data"].keys() <= {"accountId", "userId", "envelopeId", "recipientId"}
        assert one.message["data"]["accountId"] == "00000000-0000-4000-8000-000000000007"


def test_what_is_not_acknowledged_is_told_and_ends_with_1(recorder: Recorder) -> None:
    recorder.say("hook", status=500, times=1)
    done = straight(recorder, "envelope-sent", expect=1)
    assert [one["status"] for one in done["messages"]] == [500, 200]
    assert done["acknowledged"] == 1
    recorder.say("hook", status=301, headers={"Location": recorder.url("else")})
    straight(recorder, "envelope-sent", expect=1)
    assert not recorder.received_by("else")


def test_where_nobody_answers_it_stops_soon(recorder: Recorder) -> None:
    recorder.say("hook", drop=True)
    done = straight(recorder, "--story", "bulk", "--count", "500", expect=1)
    assert [one["status"] for one in done["messages"]] == [None] * 3
    assert "no answer" in done["messages"][0]["failure"]


def test_the_same_seed_sends_the_same_envelopes(recorder: Recorder) -> None:
    first = straight(recorder, "--story", "bulk", "--count", "10", "--seed", "3")
    again = straight(recorder, "--story", "bulk", "--count", "10", "--seed", "3")
    assert first == again
    assert len({one["envelope_id"] for one in first["messages"]}) == 10


def test_a_table_says_what_was_sent_and_sums_up_what_is_long(recorder: Recorder) -> None:
    said = run("trigger", "envelope-sent", "--url", recorder.url("hook"), "--seed", "1").stdout
    assert "recipient-sent" in said
    assert "2 of 2 messages were acknowledged; seed 1." in said
    long = ("trigger", "--story", "bulk", "--count", "50", "--url", recorder.url("hook"))
    assert "acknowledged" in run(*long).stdout.splitlines()[0]


def test_a_script_goes_to_a_url_and_its_problems_have_their_lines(
    recorder: Recorder, tmp_path: Path
) -> None:
    script = tmp_path / "play.yaml"
    script.write_text("envelopes:\n  - sender: 567\n    steps:\n      - bounce\n")
    done = straight(recorder, "--script", str(script))
    assert done["messages"][-1]["event"] == "recipient-autoresponded"
    script.write_text("envelopes:\n  - steps:\n      - sgn\n")
    refused = run("trigger", "--script", str(script), "--url", recorder.url("hook"), expect=2)
    assert "play.yaml:3:9: envelopes[0].steps[0]: there is no verb 'sgn'" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--url", "ftp://x/"), "give a listener's URL"),
        (("--url", "http://127.0.0.1:9/", "--key-env", "NOT_SET"), "NOT_SET is not set"),
        (("--url", "http://127.0.0.1:9/", "--key-env", "EMPTY"), "the key is empty"),
        (("--url", "http://127.0.0.1:9/", "--include", "tab"), "there is no 'tab'; there are"),
        (("--url", "http://127.0.0.1:9/", "--real-time"), "are for a server"),
        (("--url", "http://127.0.0.1:9/", "--sender", "zoe"), "is no GUID"),
        (("--url", "http://127.0.0.1:9/", "--server", "http://127.0.0.1:1"), "asks no server"),
        (("--url", "http://127.0.0.1:9/", "--field", "x"), "write it as Name=Value"),
        (("--url", "http://127.0.0.1:9/", "--field", "x=1", "--field", "x=2"), "given twice"),
        (("--url", "http://127.0.0.1:9/", "--event-notification", "/no/file"), "cannot read"),
        (("--include", "tabs", "--server", "http://127.0.0.1:1", "--token", "t"), "go with --url"),
    ],
)
def test_wrong_usage_is_refused(arguments: tuple[str, ...], said: str) -> None:
    assert said in run("trigger", "envelope-sent", *arguments, expect=2, EMPTY="").stderr


def test_a_template_is_not_sent_straight_at_a_url(recorder: Recorder) -> None:
    url = recorder.url("hook")
    refused = run("trigger", "template-created", "--url", url, expect=2)
    assert "templates are kept on a server" in refused.stderr
    assert recorder.received == []


# --- on a server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """Yield the address of a server in offline mode."""
    database = f"sqlite:///{tmp_path / 'postroom.db'}"
    process = subprocess.Popen(  # noqa: S603  # our own command
        [*COMMAND, "serve", "--offline", "--database", database, "--port", "0"],
        env=BARE | {"POSTROOM_ADMIN_TOKEN": TOKEN},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    line = ""
    while "Postroom listens on" not in line:
        line = process.stdout.readline()
        assert line, "the server ended"
    yield line.split()[3]
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 0


def test_stories_are_triggered_listed_shown_and_acted_on(
    server: str, recorder: Recorder, tmp_path: Path
) -> None:
    where: dict[str, Any] = {"POSTROOM_SERVER": server, "POSTROOM_TOKEN": TOKEN}

    def ask(*arguments: str) -> Any:
        return json.loads(run(*arguments, "--json", **where).stdout)

    notification = tmp_path / "notification.json"
    own = {"url": recorder.url("own"), "deliveryMode": "SIM", "events": ["envelope-completed"]}
    notification.write_text(json.dumps(own | {"eventData": {"version": "restv2.1"}}))
    done = ask(
        *("trigger", "envelope-completed", "--field", "Integration=Integration A"),
        *("--event-notification", str(notification)),
    )
    assert done["envelopes"][0]["events"] == TOLD
    bulk = run("trigger", "--story", "bulk", "--count", "50", "--seed", "1", **where).stdout
    assert "50 envelopes of " in bulk
    again = run("trigger", "--story", "bulk", "--seed", "1", expect=4, **where)
    assert "give another seed" in again.stderr
    statuses = Counter(one["status"] for one in ask("envelopes", "--limit", "100")["items"])
    assert statuses == {"completed": 50, "declined": 1}
    only = ask("envelopes", "--field", "Integration=Integration A", "--statuses", "completed")
    assert [one["id"] for one in only["items"]] == [done["envelopes"][0]["envelope_id"]]

    template = run("trigger", "template-modified", "--seed", "1", **where).stdout
    assert "template-created, template-modified" in template
    assert "1 template of " in template

    envelope = ask("trigger", "envelope-sent")["envelopes"][0]["envelope_id"]
    said = run(
        "envelopes", "act", envelope, "decline", "--recipient", "1", "--reason", "no", **where
    )
    assert "Told: recipient-delivered, envelope-delivered, recipient-declined" in " ".join(
        said.stdout.split()
    )
    assert (
        "nothing changed"
        in run("envelopes", "act", envelope, "decline", "--recipient", "1", **where).stdout
    )
    refused = run("envelopes", "act", envelope, "void", "--reason", "x", expect=2, **where)
    assert "ENVELOPE_CANNOT_VOID_INVALID_STATE" in refused.stderr
    run("envelopes", "act", envelope, "wave", expect=2, **where)
    run("envelopes", "show", "e0000000-0000-4000-8000-000000000000", expect=3, **where)
    shown = run("envelopes", "show", envelope, **where).stdout
    assert "declined" in shown
    assert [one.message["event"] for one in recorder.deliveries("own")] == ["envelope-completed"]


def test_without_a_server_it_says_where_envelopes_live(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'postroom.db'}"
    (tmp_path / "connect.yaml").write_text("accounts: []\n")
    run("apply", str(tmp_path / "connect.yaml"), "--database", database)
    refused = run("trigger", "envelope-sent", "--database", database, expect=4)
    assert "start `postroom serve --offline`" in refused.stderr
