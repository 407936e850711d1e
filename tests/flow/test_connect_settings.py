"""What belongs to configurations: whose envelopes they are about, secrets, OAuth."""

from pathlib import Path
from typing import Any

import pytest
from tests.flow.connect_desk import A1, A2, ADA, SAM, Desk, desk

ACCOUNT = f"/restapi/v2.1/accounts/{A1}"
CONNECT = f"{ACCOUNT}/connect"
SECRET = f"{CONNECT}/secret"
OAUTH = f"{CONNECT}/oauth"
SAID = {
    "authorizationServerUrl": "https://login.example.com/token",
    "clientId": "listener",
    "clientSecret": "the-client-secret-of-the-listener",
    "customParameters": {"audience": "erp"},
}


async def configuration(office: Desk, **said: Any) -> str:
    given = {
        "name": "ERP",
        "urlToPublishTo": "https://erp.example.com/docusign",
        "configurationType": "custom",
        "events": ["envelope-completed"],
    }
    made = await office.ask("POST", CONNECT, json=given | said, expect=201)
    return str(made["connectId"])


@pytest.mark.parametrize(
    ("said", "names"),
    [
        ({"allUsers": "true"}, ["Ada Adams", "Sam Samson", "svc"]),
        ({"userIds": [SAM.upper()]}, ["Sam Samson"]),
        ({"userIds": [SAM], "allUsersExcept": "true"}, ["Ada Adams", "svc"]),
        ({}, []),
    ],
)
async def test_a_configuration_tells_whose_envelopes_it_is_about(
    tmp_path: Path, said: dict[str, Any], names: list[str]
) -> None:
    async with desk(tmp_path) as office:
        connect_id = await configuration(office, **said)
        page = await office.ask("GET", f"{CONNECT}/{connect_id}/users")
        assert [one["userName"] for one in page["users"]] == names
        assert page["allUsersSelected"] == said.get("allUsers", "false")
        others = await office.ask(
            "GET", f"{CONNECT}/{connect_id}/users", params={"list_included_users": "false"}
        )
        assert int(page["totalSetSize"]) + int(others["totalSetSize"]) == 3
        everybody = await office.ask("GET", f"{CONNECT}/{connect_id}/all/users")
        included = [u["userName"] for u in everybody["users"] if u["isIncluded"] == "true"]
        assert included == names
        assert list(everybody["users"][0]) == ["userId", "userName", "email", "isIncluded"]


async def test_a_group_that_connect_yaml_only_names_at_a_user_has_an_id(tmp_path: Path) -> None:
    async with desk(tmp_path) as office:
        groups = await office.ask("GET", f"{ACCOUNT}/groups")
        connect_id = await configuration(office, groupIds=[groups["groups"][0]["groupId"]])
        page = await office.ask("GET", f"{CONNECT}/{connect_id}/users")
        assert [one["userId"] for one in page["users"]] == [SAM]


async def test_a_user_tells_which_configurations_go_by_them(tmp_path: Path) -> None:
    async with desk(tmp_path) as office:
        said = {"groups": [{"groupName": "Ops", "users": [{"userId": ADA}]}]}
        made = await office.ask("POST", f"{ACCOUNT}/groups", json=said, expect=201)
        connect_id = await configuration(office, groupIds=[made["groups"][0]["groupId"]])
        page = await office.ask("GET", f"{CONNECT}/{connect_id}/users")
        assert [one["userId"] for one in page["users"]] == [ADA]
        ada = await office.ask("GET", f"{ACCOUNT}/users/{ADA}")
        assert ada["connectConfigurations"] == [
            {
                "connectId": connect_id,
                "enabled": "false",
                "hasAccess": "true",
                "configurationtype": "custom",
            }
        ]


async def test_a_configuration_that_is_not_there_has_no_users(tmp_path: Path) -> None:
    async with desk(tmp_path) as office:
        connect_id = await configuration(office)
        elsewhere = f"/restapi/v2.1/accounts/{A2}/connect/{connect_id}/users"
        for path in (f"{CONNECT}/7/users", f"{CONNECT}/7/all/users", elsewhere):
            assert await office.refused("GET", path, expect=404) == "RESOURCE_NOT_FOUND"


async def test_a_secret_is_told_in_full_once_and_goes_by_its_position(tmp_path: Path) -> None:
    async with desk(tmp_path) as office:
        first = await office.ask("POST", SECRET, expect=201, json={})
        second = await office.ask("POST", SECRET, expect=201, json={})
        assert (first["keyId"], second["keyId"], len(first["secret"])) == ("1", "2", 44)
        vault = office.services.vault
        prints = [vault.fingerprint(one["secret"]) for one in (first, second)]
        assert await office.ask("GET", SECRET) == {"secrets": prints}
        assert await office.ask("DELETE", f"{SECRET}/1", json={}) is None
        assert await office.ask("GET", SECRET) == {"secrets": prints[1:]}
        for key_id in ("0", "2", "-1", "x", "99999999999", "\u0661"):
            code = await office.refused("DELETE", f"{SECRET}/{key_id}", expect=404)
            assert code == "RESOURCE_NOT_FOUND"
        assert (await office.verbs())[:3] == ["retire-key", "add-key", "add-key"]


async def test_the_oauth_configuration_is_kept_without_showing_its_secret(tmp_path: Path) -> None:
    async with desk(tmp_path) as office:
        assert await office.refused("GET", OAUTH, expect=404) == "RESOURCE_NOT_FOUND"
        made = await office.ask("POST", OAUTH, json=SAID, expect=201)
        shown = {key: text for key, text in SAID.items() if key != "clientSecret"}
        assert made == shown
        await office.refused("POST", OAUTH, json=SAID, expect=400)
        changed = await office.ask("PUT", OAUTH, json={"SCOPE": "publish"})
        assert changed == shown | {"scope": "publish"}
        assert await office.ask("GET", OAUTH) == changed
        kept = await office.services.store.secrets()
        assert [office.services.vault.open(one.sealed) for one in kept] == [SAID["clientSecret"]]
        assert await office.ask("DELETE", OAUTH, json={}) is None
        assert await office.refused("PUT", OAUTH, json=SAID, expect=404) == "RESOURCE_NOT_FOUND"
        assert (await office.services.store.secrets())[0].retired_at is not None


async def test_an_oauth_configuration_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    async with desk(tmp_path) as office:
        for other in (
            {"authorizationServerUrl": ""},
            {"authorizationServerUrl": "http://login.example.com/token"},
            {"authorizationServerUrl": "https://10.0.0.1/token"},
            {"clientId": ""},
            {"clientSecret": None},
            {"clientSecret": {"a": 1}},
            {"scope": "s" * 3000},
            {"customParameters": ["x"]},
            {"customParameters": {"x": 1}},
        ):
            await office.refused("POST", OAUTH, json=SAID | other, expect=400)
        assert await office.refused("GET", OAUTH, expect=404) == "RESOURCE_NOT_FOUND"


async def test_only_an_administrator_sees_to_configurations(tmp_path: Path) -> None:
    async with desk(tmp_path) as office:
        sam = {"X-DocuSign-Act-As-User": SAM}
        for method, path in (
            ("GET", CONNECT),
            ("GET", f"{CONNECT}/1/users"),
            ("GET", SECRET),
            ("POST", SECRET),
            ("DELETE", f"{SECRET}/1"),
            ("GET", OAUTH),
            ("PUT", OAUTH),
        ):
            code = await office.refused(method, path, headers=sam, expect=403)
            assert code == "USER_NOT_ACCOUNT_ADMIN"
