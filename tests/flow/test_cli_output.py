"""What commands print and how they end, each against a database of its own."""

import json
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import structlog
import yaml
from tests.acceptance.cast import A1, KA1, KA2, account
from typer.testing import CliRunner, Result

from postroom import observe
from postroom.cli.output import clean, moment, where
from postroom.cli.program import COMMANDS, program
from postroom.clock import SystemClock
from postroom.web import certificate

LISTENER = {"name": "erp", "account": A1, "url": "https://erp.example.com/docusign"}
LISTS = [
    *("accounts", "listeners", "keys", "notifications", "deliveries", "failures", "unclaimed"),
    *("unreadable", "held", "crossed", "rejections"),
]


@pytest.fixture(autouse=True)
def log_of_its_own(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keep the log from staying bound to the standard error that a command had in a test."""
    monkeypatch.setattr(observe, "log", structlog.get_logger("postroom"))
    yield
    structlog.reset_defaults()


class Terminal:
    """The command line in this process, with a database in the test's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = f"sqlite:///{folder / 'postroom.db'}"

    def run(self, *arguments: str, expect: int = 0, **more: Any) -> Result:
        done = CliRunner().invoke(program, [*arguments, "--database", self.database], **more)
        assert done.exit_code == expect, done.output
        return done

    def ask(self, *arguments: str) -> Any:
        return json.loads(self.run(*arguments, "--json").stdout)

    def apply(self, *listeners: dict[str, Any], flags: tuple[str, ...] = ()) -> str:
        document = {"accounts": [account(A1, "Acme Corp")], "listeners": list(listeners)}
        path = self.folder / "connect.yaml"
        path.write_text(yaml.safe_dump(document))
        return self.run("apply", str(path), *flags).stdout


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    for name in ("POSTROOM_SERVER", "POSTROOM_TOKEN", "POSTROOM_ADMIN_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "300")
    return Terminal(tmp_path)


def test_apply_says_what_changed_field_by_field_and_then_that_nothing_did(
    terminal: Terminal,
) -> None:
    assert "+ listener erp added" in terminal.apply(LISTENER)
    assert "concurrency: 16 → 3" in terminal.apply(
        LISTENER | {"concurrency": 3}, flags=("--dry-run",)
    )
    assert "0 changed, 2 stayed as they were." in terminal.apply(LISTENER)


def test_a_wrong_file_is_refused_with_line_and_column_of_every_problem(terminal: Terminal) -> None:
    path = terminal.folder / "connect.yaml"
    path.write_text(
        f"accounts:\n  - id: {A1}\nlisteners:\n"
        f"  - name: erp\n    account: {A1}\n    url: https://erp.example.com\n"
        "    filter: {customFields.A: {startswith: x}}\n    evnts: [completed]\n"
    )
    done = terminal.run("apply", str(path), expect=2)
    assert "connect.yaml:8:5: listeners[0].evnts: unknown key 'evnts'; did you mean events?" in (
        done.stderr
    )
    path.write_text(path.read_text().replace("evnts", "events"))
    done = terminal.run("apply", str(path), expect=2)
    assert "connect.yaml:7:" in done.stderr
    assert "startsWith" in done.stderr


def test_a_list_of_nothing_says_what_to_do_next(terminal: Terminal) -> None:
    terminal.apply()
    for name in LISTS:
        if name in {"accounts", "keys"}:
            continue
        printed = terminal.run(name).stdout.strip()
        assert printed.endswith((".", "`.")), name
        assert terminal.ask(name) == {"items": [], "next_after": None}


def test_json_is_the_apis_own(terminal: Terminal) -> None:
    terminal.apply(LISTENER)
    (listed,) = terminal.ask("listeners", "list")["items"]
    assert listed == terminal.ask("listeners", "show", "erp")
    assert listed["backlog"] == {
        "due": 0,
        "waiting": 0,
        "held": 0,
        "crossed": 0,
        "given_up": 0,
        "oldest_received_at": None,
    }


def test_a_listener_is_paused_resumed_and_removed(terminal: Terminal) -> None:
    terminal.apply(LISTENER)
    assert "listeners resume erp" in terminal.run("listeners", "pause", "erp").stdout
    assert "paused since 2" in terminal.run("listeners").stdout
    assert "erp is ok" in terminal.run("listeners", "resume", "erp").stdout
    assert "--yes" in terminal.run("listeners", "remove", "erp", expect=2).stderr
    terminal.run("listeners", "remove", "erp", "--yes")
    assert "postroom listeners" in terminal.run("listeners", "show", "erp", expect=3).stderr


def test_a_key_is_read_from_a_variable_a_file_or_standard_input_and_never_shown(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal.apply()
    monkeypatch.setenv("NEW_KEY", KA2)
    file = terminal.folder / "key.txt"
    file.write_text("another-key-that-is-long-enough-000=\n")
    third = "a-third-key-that-is-long-enough-0000=\n"
    printed = terminal.run("keys", "add", "--account", A1, "--env", "NEW_KEY").output
    printed += terminal.run("keys", "add", "--account", A1, "--file", str(file)).output
    printed += terminal.run("keys", "add", "--account", A1, input=third).output
    printed += terminal.run("keys").output + terminal.run("keys", "--json").output
    assert len(terminal.ask("keys")["items"]) == 4
    for key in (KA1, KA2, file.read_text().strip(), third.strip()):
        assert key not in printed
    (found,) = [one for one in terminal.ask("keys")["items"] if one["fingerprint"] in printed][:1]
    assert "out of use" in terminal.run("keys", "retire", found["id"]).stdout
    terminal.run("keys", "add", "--account", A1, "--env", "NEW_KEY", expect=4)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        pytest.param(["accounts", "show", "nobody"], 3, "postroom accounts", id="no-account"),
        pytest.param(["explain", "evt_0"], 3, "postroom notifications", id="no-notification"),
        pytest.param(["deliveries", "show", "7"], 3, "postroom deliveries", id="no-delivery"),
        pytest.param(["replay"], 2, "say what to replay", id="replay-of-everything"),
        pytest.param(["replay", "7", "--delivery", "7"], 2, "once", id="delivery-twice"),
        pytest.param(["replay", "--listener", "nobody"], 3, "listeners", id="replay-to-nobody"),
        pytest.param(["notifications", "--from", "soon"], 2, "moment", id="no-moment"),
        pytest.param(["notifications", "--after", "x"], 2, "next_after", id="no-cursor"),
        pytest.param(["notifications", "--limit", "0"], 2, "--limit", id="no-limit"),
        pytest.param(["deliveries", "--states", "lost"], 2, "delivered", id="no-state"),
        pytest.param(["keys", "add", "--account", A1, "--env", "NO_KEY"], 2, "NO_KEY", id="no-env"),
        pytest.param(["keys", "add", "--account", A1, "--file", "/no"], 3, "/no", id="no-file"),
        pytest.param(["apply", "/no/connect.yaml"], 2, "connect.yaml", id="no-yaml"),
        pytest.param(["clock", "--advance", "5"], 4, "POSTROOM_SERVER", id="clock-of-no-server"),
        pytest.param(["clock", "--token", "x"], 2, "--server", id="token-without-server"),
        pytest.param(["clock", "--server", "x"], 2, "either", id="server-and-database"),
    ],
)
def test_what_goes_wrong_is_told_on_standard_error_with_an_exit_code_and_no_traceback(
    terminal: Terminal, arguments: list[str], code: int, words: str
) -> None:
    terminal.apply()
    done = terminal.run(*arguments, expect=code)
    assert words in done.stderr
    assert "Traceback" not in done.output
    assert done.stdout == ""


def test_a_command_does_not_make_a_database_where_there_is_none(terminal: Terminal) -> None:
    done = terminal.run("listeners", expect=3)
    assert "--database" in done.stderr
    assert list(terminal.folder.iterdir()) == []


def test_a_server_that_is_not_there_is_told_as_such(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSTROOM_SERVER", "http://127.0.0.1:9")
    done = CliRunner().invoke(program, ["listeners"])
    assert (done.exit_code, "POSTROOM_TOKEN" in done.stderr) == (2, True)
    monkeypatch.setenv("POSTROOM_TOKEN", "a-token-of-the-test")
    done = CliRunner().invoke(program, ["listeners"])
    assert (done.exit_code, "is the server running" in done.stderr) == (4, True)
    assert "a-token-of-the-test" not in done.output
    terminal.apply()  # a database given as a flag wins over a server in the environment


def test_a_certificate_that_is_not_trusted_is_told_as_such(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    papers = certificate.self_signed(
        beside=terminal.folder / "x.db", names=(), now=SystemClock().now()
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(papers.certificate, papers.key)
    monkeypatch.setenv("POSTROOM_TOKEN", "a-token-of-the-test")
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        server_url = f"https://127.0.0.1:{server.server_port}"
        done = CliRunner().invoke(program, ["listeners", "--server", server_url])
        server.shutdown()
    assert done.exit_code == 4
    assert f"the certificate of {server_url} is not trusted; set SSL_CERT_FILE" in done.stderr


@pytest.mark.parametrize("columns", ["80", "120", "300"])
def test_ids_and_addresses_are_printed_whole_however_narrow_the_terminal(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    terminal.apply(LISTENER)
    monkeypatch.setenv("COLUMNS", columns)
    printed = terminal.run("listeners").stdout
    assert A1 in printed
    assert LISTENER["url"] in printed
    assert max(map(len, printed.splitlines())) <= int(columns)


def test_what_is_piped_has_a_line_for_each_row(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal.apply(LISTENER, LISTENER | {"name": "crm"})
    monkeypatch.delenv("COLUMNS")
    heading, *rows = terminal.run("listeners").stdout.splitlines()
    assert heading.split()[0] == "listener"
    assert [row.split()[:2] for row in rows] == [["crm", A1], ["erp", A1]]


def test_a_replay_of_nothing_says_how_to_match_more(terminal: Terminal) -> None:
    terminal.apply(LISTENER)
    printed = terminal.run("replay", "--listener", "erp", "--dry-run").stdout
    assert "0 fit; 0 would be delivered again." in printed
    assert "postroom deliveries" in printed
    done = terminal.ask("replay", "--listener", "erp", "--rate", "5")
    assert (done["matched"], done["not_replayable"]) == (0, [])


def test_health_ends_with_1_only_if_something_waits_for_a_person(terminal: Terminal) -> None:
    terminal.apply(LISTENER)
    terminal.run("health")
    terminal.run("listeners", "pause", "erp")
    assert "erp is paused" in terminal.run("health", expect=1).stdout


def test_the_audit_log_names_who_ran_the_command(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "grace")
    terminal.apply(LISTENER)
    assert {one["actor"] for one in terminal.ask("audit")["items"]} == {"local:grace"}


def test_strangers_text_is_printed_without_markup_and_control_characters(
    terminal: Terminal,
) -> None:
    terminal.apply(LISTENER | {"name": "[red]x[bold] \u202eevil", "url": "https://e.example/[b]"})
    printed = terminal.run("listeners").stdout
    assert "[red]x[bold] \\u202eevil" in printed
    assert "https://e.example/[b]" in printed


def test_every_command_explains_itself() -> None:
    for name in COMMANDS:
        done = CliRunner().invoke(program, [name, "--help"])
        assert done.exit_code == 0, name
        assert COMMANDS[name][2].split()[0] in done.output or "Usage" in done.output


def test_what_cannot_be_printed_is_spelt_out() -> None:
    assert clean("a\x1b[31m\nb\u202e\ud800") == "a\\x1b[31m\\nb\\u202e\\ud800"
    assert clean(None) == ""
    assert clean(("a", 1, True)) == "a, 1, yes"
    assert clean({"a": ["b"]}) == '{"a":["b"]}'


def test_a_moment_is_printed_to_the_second() -> None:
    assert moment("2026-03-02T09:00:00.123Z") == "2026-03-02 09:00:00"
    assert moment(None) == ""


def test_a_place_is_written_as_people_write_it() -> None:
    assert where(("listeners", 0, "filter", "any", 2)) == "listeners[0].filter.any[2]"
    assert where(()) == ""


def test_an_option_given_empty_is_refused_and_does_not_mean_all(terminal: Terminal) -> None:
    terminal.apply(LISTENER)
    said = terminal.run("replay", "--listener", LISTENER["name"], "--events", "", expect=2)
    assert "event" in said.output
