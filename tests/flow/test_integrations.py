"""Integrations on a server that is not offline: added, asking for tokens, removed."""

import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.acceptance.cast import A1, ALICE
from tests.flow.office import Office, office
from typer.testing import CliRunner, Result

from postroom.cli.program import program
from postroom.operations import integrations

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PUBLIC = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
ORDER = {"name": "Billing", "public_key": PUBLIC, "redirect_uris": ["https://app.example.com/cb"]}
HOST = "postroom.example.com"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Office]:
    async with office(tmp_path, public_url=f"https://{HOST}") as opened:
        users = [{"id": ALICE.user_id, "email": ALICE.email}]
        await opened.apply(accounts=[{"id": A1, "unsigned": True, "users": users}])
        yield opened


async def grant(desk: Office, client_id: str) -> httpx.Response:
    """Ask for a token by the JWT grant, as ALICE."""
    now = int(time.time())
    claims = {"iss": client_id, "sub": ALICE.user_id, "aud": HOST, "scope": "signature"}
    assertion = jwt.encode(claims | {"iat": now, "exp": now + 600}, KEY, algorithm="RS256")
    form = {"grant_type": JWT_BEARER, "assertion": assertion}
    return await desk.http.post("/oauth/token", data=form)


async def test_an_integration_that_was_added_gets_tokens_until_it_is_removed(desk: Office) -> None:
    made = await desk.post("/integrations", ORDER, expect=201)
    one = made["integration"]
    assert UUID(one["client_id"]).version == 4
    assert (one["name"], one["redirect_uris"]) == ("Billing", ORDER["redirect_uris"])
    told = await grant(desk, one["client_id"])
    assert told.status_code == 200, told.text
    assert await desk.ask("DELETE", "/integrations/Billing") == one
    refused = await grant(desk, one["client_id"])
    assert (refused.status_code, refused.json()["error_description"]) == (400, "issuer_not_found")
    await desk.ask("DELETE", f"/integrations/{one['client_id']}", expect=404)


async def test_an_integration_proves_itself_by_the_secret_that_is_told_once(desk: Office) -> None:
    made = await desk.post("/integrations", ORDER, expect=201)
    secret, client_id = made["client_secret"], made["integration"]["client_id"]
    form = {"grant_type": "refresh_token", "refresh_token": "none"}
    for password, error in ((secret, "invalid_grant"), ("a-wrong-secret-000", "invalid_client")):
        said = await desk.http.post("/oauth/token", data=form, auth=(client_id, password))
        assert said.json()["error"] == error
    listed = await desk.get("/integrations")
    assert listed == {"items": [made["integration"]], "next_after": None}
    audited = await desk.get("/audit")
    assert secret not in json.dumps([listed, audited])
    assert secret not in repr(integrations.NewIntegration(**made))


async def test_adding_and_removing_are_audited_and_what_failed_is_not(desk: Office) -> None:
    made = await desk.post("/integrations", ORDER, expect=201)
    await desk.post("/integrations", ORDER | {"public_key": "none"}, expect=422)
    await desk.ask("DELETE", "/integrations/nobody", expect=404)
    await desk.ask("DELETE", f"/integrations/{made['integration']['client_id'].upper()}")
    audited = [
        (one["verb"], one["details"])
        for one in (await desk.get("/audit"))["items"]
        if one["verb"].endswith("-integration")
    ]
    details = {"client_id": made["integration"]["client_id"], "name": "Billing"}
    assert audited == [("remove-integration", details), ("add-integration", details)]


async def test_of_several_with_a_name_one_is_removed_by_its_id(desk: Office) -> None:
    first, second = [
        (await desk.post("/integrations", ORDER, expect=201))["integration"] for _ in range(2)
    ]
    said = await desk.ask("DELETE", "/integrations/Billing", expect=422)
    assert first["client_id"] in said["detail"]
    await desk.ask("DELETE", f"/integrations/{first['client_id']}")
    assert (await desk.get("/integrations"))["items"] == [second]


async def test_there_are_at_most_so_many(desk: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(integrations, "MAX_INTEGRATIONS", 1)
    await desk.post("/integrations", ORDER, expect=201)
    said = await desk.post("/integrations", ORDER, expect=409)
    assert "remove one first" in said["detail"]


@pytest.mark.parametrize(
    ("change", "expect"),
    [
        ({"public_key": PUBLIC[:200]}, 422),
        ({"name": " "}, 422),
        ({"redirect_uris": ["javascript:alert(1)"]}, 422),
        ({"redirect_uris": ["https://a.example.com/"] * 21}, 400),
        ({"name": "x" * 501}, 400),
        ({"secret": "one of my own"}, 400),
    ],
)
async def test_what_cannot_be_used_is_refused_and_nothing_is_kept(
    desk: Office, change: dict[str, Any], expect: int
) -> None:
    await desk.post("/integrations", ORDER | change, expect=expect)
    assert (await desk.get("/integrations"))["items"] == []


async def test_the_consent_page_is_not_served(desk: Office) -> None:
    made = await desk.post("/integrations", ORDER, expect=201)
    query = {
        "response_type": "code",
        "scope": "signature",
        "client_id": made["integration"]["client_id"],
        "redirect_uri": ORDER["redirect_uris"][0],
    }
    page = await desk.http.get("/oauth/auth", params=query)
    assert page.status_code == 403
    assert "offline mode only" in page.text


# --- the command ------------------------------------------------------------------------------


def run(folder: Path, *arguments: str, expect: int = 0) -> Result:
    database = f"sqlite:///{folder / 'postroom.db'}"
    done = CliRunner().invoke(program, ["integrations", *arguments, "--database", database])
    assert done.exit_code == expect, done.output
    return done


@pytest.fixture
async def folder(desk: Office, tmp_path: Path) -> Path:  # noqa: ARG001  # it makes the database
    """Return the folder of a database, with a public key in it."""
    (tmp_path / "key.pem").write_text(PUBLIC)
    return tmp_path


def test_the_command_adds_lists_and_removes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    assert "integrations add" in run(folder).stdout
    uris = ("--redirect-uri", "https://a.example.com/", "--redirect-uri", "https://b.example.com/")
    key = ("--public-key", str(folder / "key.pem"))
    made = json.loads(run(folder, "add", "Billing", *key, *uris, "--json").stdout)
    printed = run(folder, "add", "Reports", *key).stdout
    assert "shown only now" in printed
    listed = run(folder, "list").stdout
    assert "https://a.example.com/, https://b.example.com/" in listed
    assert made["integration"]["client_id"] in listed
    assert made["client_secret"] not in listed
    assert "gets no more tokens" in run(folder, "remove", "Reports").stdout
    assert "postroom integrations" in run(folder, "remove", "Reports", expect=3).stderr


def test_the_command_sends_no_private_key_anywhere(folder: Path) -> None:
    (folder / "private.pem").write_text("-----BEGIN PRIVATE KEY-----\nMIIE\n")
    refused = run(folder, "add", "X", "--public-key", str(folder / "private.pem"), expect=2)
    assert "-pubout" in refused.stderr
    (folder / "binary.pem").write_bytes(b"\xff\xfe")
    assert "PEM" in run(
        folder, "add", "X", "--public-key", str(folder / "binary.pem"), expect=2
    ).stderr.replace("\n", " ")
    run(folder, "add", "X", "--public-key", str(folder / "nothing.pem"), expect=3)
    assert json.loads(run(folder, "--json").stdout)["items"] == []


def test_the_help_says_that_the_consent_page_is_of_offline_mode() -> None:
    said = CliRunner().invoke(program, ["integrations", "add", "--help"]).output
    assert "offline mode only" in " ".join(said.replace("│", " ").split())
