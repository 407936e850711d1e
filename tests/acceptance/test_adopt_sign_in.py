"""How `adopt` gets at an account, by the SDK: tokens, a JWT grant, and all that can go wrong."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.acceptance.cast import A1
from tests.acceptance.conftest import Launch
from tests.acceptance.gateway import COMMAND, PATIENCE_SECONDS, TOKEN, Gateway
from tests.acceptance.recorder import Recorder
from tests.acceptance.test_tokens_by_sdk import found, found_all

GATEWAY = ("--gateway-url", "https://connect.example.com")


@pytest.fixture
def account(launch: Launch) -> Gateway:
    """Start an account of Docusign's, over https as its own are."""
    return launch(flags=("--offline", "--tls", "self-signed"))


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DOCUSIGN_ACCESS_TOKEN", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)


def adopt(folder: Path, base_path: str, *flags: str, account: str = A1, expect: int = 0) -> str:
    done = subprocess.run(  # noqa: S603  # our own command
        [*COMMAND, "adopt", "--base-path", base_path, "--account", account, *flags],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == expect, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert TOKEN not in done.stdout + done.stderr
    return done.stdout if expect == 0 else done.stderr


def test_a_jwt_grant_signs_in_where_the_user_is_an_administrator(
    account: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "\n".join(account.log)
    monkeypatch.setenv("SSL_CERT_FILE", found(r"trust this certificate in clients: (\S+)", said))
    account_id, sender = found(r"account\s+(\S+)", said), found(r"sender\s+(\S+)", said)
    client_id, key_file = found_all(r"integration\s+(\S+)\s+private key in (\S+)", said)
    host = f"localhost:{account.url.rpartition(':')[2]}"
    people = account.http.get(f"/restapi/v2.1/accounts/{account_id}/users").json()["users"]
    administrator = next(one["userId"] for one in people if one["isAdmin"] == "True")

    def by(user: str, expect: int) -> str:
        grant = ("--integration-key", client_id, "--user-id", user, "--private-key", key_file)
        return adopt(
            tmp_path,
            f"https://{host}/restapi",
            *(*GATEWAY, *grant, "--oauth-host", host, "--json"),
            account=account_id,
            expect=expect,
        )

    assert json.loads(by(administrator, expect=0))["switch_off"] == []
    assert "sign in as an administrator" in by(sender, expect=2)


def test_a_certificate_nobody_vouches_for_is_not_trusted(
    account: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCUSIGN_ACCESS_TOKEN", TOKEN)
    assert "does not answer" in adopt(tmp_path, f"{account.url}/restapi", *GATEWAY, expect=4)


def test_what_is_no_account_is_told_from_one_that_refuses(
    launch: Launch, recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offline = launch(flags=("--offline",))
    monkeypatch.setenv("DOCUSIGN_ACCESS_TOKEN", "no-such-token")
    assert "get a new access token" in adopt(tmp_path, f"{offline.url}/restapi", *GATEWAY, expect=2)
    elsewhere = recorder.url("restapi")
    assert "check --account and --base-path" in adopt(tmp_path, elsewhere, *GATEWAY, expect=2)
    assert "does not answer" in adopt(tmp_path, "http://127.0.0.1:9/restapi", *GATEWAY, expect=4)
    assert list(tmp_path.glob("*.yaml")) == []


@pytest.mark.parametrize(
    ("base_path", "flags", "told"),
    [
        ("https://demo.docusign.net/restapi", (), "DOCUSIGN_ACCESS_TOKEN"),
        ("http://demo.docusign.net/restapi", (), "--base-path"),
        ("https://demo.docusign.net", (), "--base-path"),
        ("https://[x/restapi", (), "--base-path"),
        ("https://demo.docusign.net/restapi", ("--user-id", A1), "all three"),
        (
            "https://demo.docusign.net/restapi",
            ("--user-id", A1, "--integration-key", A1, "--private-key", "none.pem"),
            "cannot read none.pem",
        ),
        (
            "https://demo.docusign.net/restapi",
            ("--user-id", A1, "--integration-key", A1, "--private-key", "broken.pem"),
            "--private-key",
        ),
        (
            "https://demo.docusign.net/restapi",
            ("--user-id", "me", "--integration-key", A1, "--private-key", "none.pem"),
            "--user-id",
        ),
    ],
)
def test_what_is_missing_is_said_before_anything_is_asked(
    tmp_path: Path, base_path: str, flags: tuple[str, ...], told: str
) -> None:
    (tmp_path / "broken.pem").write_text("-----BEGIN PRIVATE KEY-----\n!\n")
    assert told in adopt(tmp_path, base_path, *GATEWAY, *flags, expect=2)


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ((), "--gateway-url"),
        (("--gateway-url", "ftp://x"), "--gateway-url"),
        ((*GATEWAY, "--apply", "--undo"), "either --apply or --undo"),
        ((*GATEWAY, "--yes"), "--yes is for --apply"),
        ((*GATEWAY, "--empty-mode", "xml"), "--empty-mode"),
        (("--undo",), "there is no adopt-"),
    ],
)
def test_wrong_options_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: tuple[str, ...], told: str
) -> None:
    monkeypatch.setenv("DOCUSIGN_ACCESS_TOKEN", TOKEN)
    assert told in adopt(tmp_path, "http://127.0.0.1:9/restapi", *flags, expect=2)


def test_without_the_sdk_it_says_what_to_install(tmp_path: Path) -> None:
    program = """
import sys
import postroom.cli.adopt
assert "docusign_esign" not in sys.modules, "nothing else may need the SDK"
sys.modules["docusign_esign"] = None
from postroom.cli import main
main()
"""
    done = subprocess.run(  # noqa: S603  # our own command
        [
            *(sys.executable, "-c", program, "adopt", *GATEWAY),
            *("--base-path", "https://demo.docusign.net/restapi", "--account", A1),
        ],
        cwd=tmp_path,
        env={"DOCUSIGN_ACCESS_TOKEN": TOKEN},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert "pip install 'postroom[server,adopt]'" in done.stderr
