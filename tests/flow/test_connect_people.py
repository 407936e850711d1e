"""Users, groups, custom fields and accounts over Docusign's paths."""

from pathlib import Path
from typing import Any

from tests.flow.connect_desk import A1, A2, ADA, SAM, START, desk

from postroom.model import Account, Listener, User, UserCondition
from postroom.operations.connect import identities
from postroom.storage.port import AuditEntry, PutListener

V21 = "/restapi/v2.1"
ACCOUNT = f"{V21}/accounts/{A1}"
USERS = f"{ACCOUNT}/users"
GROUPS = f"{ACCOUNT}/groups"
FIELDS = f"{ACCOUNT}/custom_fields"


def sizes(page: dict[str, Any]) -> list[str]:
    return [page[key] for key in ("resultSetSize", "totalSetSize", "startPosition", "endPosition")]


async def test_users_are_listed_with_words_for_booleans_and_text_for_numbers(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path) as office:
        page = await office.ask("GET", USERS)
    assert sizes(page) == ["3", "3", "0", "2"]
    ada, sam, service = page["users"]
    assert (ada["userId"], ada["isAdmin"], sam["isAdmin"]) == (ADA, "True", "False")
    assert service["userName"] == "svc"
    assert service["userId"] == identities.user_id(Account(id=A1), User(email="SVC@example.com"))


async def test_users_are_found_by_filters(tmp_path: Path) -> None:
    async with desk(tmp_path) as office:
        for query, names in (
            ({"email": "SAM@example.com"}, ["Sam Samson"]),
            ({"email": "sam@example"}, []),
            ({"email_substring": "a@ex"}, ["Ada Adams"]),
            ({"user_name_substring": "SAM"}, ["Sam Samson"]),
            ({"status": "Closed"}, []),
            ({"status": "closed,Active", "count": "1", "start_position": "1"}, ["Sam Samson"]),
            ({"count": "1000"}, ["Ada Adams", "Sam Samson", "svc"]),
            ({"group_id": "nobody"}, []),
        ):
            page = await office.ask("GET", USERS, params=query)
            assert [one["userName"] for one in page["users"]] == names


async def test_pages_name_their_neighbours(tmp_path: Path) -> None:
    async with desk(tmp_path) as office:
        page = await office.ask("GET", USERS, params={"count": "1", "start_position": "1"})
        after = await office.ask("GET", f"{V21}{page['nextUri']}")
        before = await office.ask("GET", f"{V21}{page['previousUri']}")
    assert [one["userName"] for one in after["users"]] == ["svc"]
    assert "nextUri" not in after
    assert [one["userName"] for one in before["users"]] == ["Ada Adams"]


async def test_a_query_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    async with desk(tmp_path) as office:
        for query in (
            "count=few",
            "start_position=-1",
            "status=Asleep",
        ):
            code = await office.refused("GET", f"{USERS}?{query}", expect=400)
            assert code == "INVALID_REQUEST_PARAMETER"


async def test_a_user_is_added_changed_and_closed(tmp_path: Path) -> None:
    async with desk(tmp_path) as office:
        said = {"email": "new@example.com", "firstName": "Nea", "lastName": "Newman"}
        made = await office.ask("POST", USERS, json={"newUsers": [said]}, expect=201)
        user_id = made["newUsers"][0]["userId"]
        assert made["newUsers"][0]["userStatus"] == "Active"
        one = f"{USERS}/{user_id}"
        changed = await office.ask("PUT", one, json={"JobTitle": "Clerk", "isadmin": True})
        assert (changed["jobTitle"], changed["isAdmin"]) == ("Clerk", "True")
        assert changed["userName"] == "Nea Newman"
        closed = await office.ask("DELETE", USERS, json={"users": [{"userId": user_id}]})
        assert closed["users"][0]["userStatus"] == "Closed"
        assert (await office.ask("GET", one))["userStatus"] == "Closed"
        page = await office.ask("GET", USERS, params={"status": "Closed"})
        assert [found["userId"] for found in page["users"]] == [user_id]
        assert (await office.verbs())[:3] == ["close-users", "change-users", "add-users"]


async def test_a_user_who_cannot_be_added_does_not_keep_the_others_out(tmp_path: Path) -> None:
    async with desk(tmp_path) as office:
        said = [
            {"email": "no address"},
            {"email": "ada@example.com", "userName": "Ada Adams"},
            {"email": "x@example.com", "groupList": [{"groupId": "1"}]},
            {"email": "good@example.com"},
        ]
        made = await office.ask("POST", USERS, json={"newUsers": said}, expect=201)
        codes = [one.get("errorDetails", {}).get("errorCode") for one in made["newUsers"]]
        assert codes == [
            "INVALID_EMAIL_ADDRESS",
            "USER_ALREADY_EXISTS_IN_ACCOUNT",
            "INVALID_GROUP_ID",
            None,
        ]
        assert (await office.ask("GET", USERS))["totalSetSize"] == "4"


async def test_a_body_that_is_no_list_of_users_is_refused(tmp_path: Path) -> None:
    async with desk(tmp_path) as office:
        bodies: tuple[Any, ...] = (
            [],
            {},
            {"newUsers": {}},
            {"newUsers": ["x"]},
            {"newUsers": [{}] * 1001},
            "x",
        )
        for body in bodies:
            assert (
                await office.refused("POST", USERS, json=body, expect=400) == "INVALID_REQUEST_BODY"
            )
            assert (await office.ask("GET", USERS))["totalSetSize"] == "3"


async def test_an_unknown_user_is_told_of_as_docusign_does(tmp_path: Path) -> None:
    async with desk(tmp_path) as office:
        assert await office.refused("GET", f"{USERS}/nobody", expect=400) == "INVALID_USERID"
        told = await office.ask("PUT", USERS, json={"users": [{"userId": "nobody"}]})
        assert told["users"][0]["errorDetails"]["errorCode"] == "INVALID_USERID"


async def test_a_user_known_by_address_alone_stays_so_when_something_else_changes(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path) as office:
        service = (await office.ask("GET", USERS))["users"][2]
        one = f"{USERS}/{service['userId']}"
        await office.ask("PUT", one, json={"company": "Acme"})
        assert office.services.registry().accounts[A1].users[2].id is None
        moved = await office.ask("PUT", one, json={"email": "service@example.com"})
        assert moved["userId"] == service["userId"]
        assert office.services.registry().accounts[A1].users[2].id == service["userId"]


async def test_groups_are_made_filled_renamed_and_removed(tmp_path: Path) -> None:
    async with desk(tmp_path) as office:
        said = {"groups": [{"groupName": "ERP", "users": [{"userId": ADA}]}, {"groupName": "ERP"}]}
        made = (await office.ask("POST", GROUPS, json=said, expect=201))["groups"]
        assert made[0]["groupType"] == "customGroup"
        assert made[1]["errorDetails"]["errorCode"] == "INVALID_REQUEST_PARAMETER"
        members = f"{GROUPS}/{made[0]['groupId']}/users"
        await office.ask("PUT", members, json={"users": [{"userId": SAM}]})
        assert (await office.ask("GET", members))["totalSetSize"] == "2"
        await office.ask("DELETE", members, json={"users": [{"userId": ADA}]})
        renamed = {"groups": [{"groupId": made[0]["groupId"], "groupName": "ERP 2"}]}
        await office.ask("PUT", GROUPS, json=renamed)
        sam = await office.ask("GET", f"{USERS}/{SAM}")
        assert [one["groupName"] for one in sam["groupList"]] == ["integrations", "ERP 2"]
        await office.ask("DELETE", GROUPS, json={"groups": [{"groupId": made[0]["groupId"]}]})
        page = await office.ask("GET", GROUPS, params={"include_usercount": "true"})
        assert [(one["groupName"], one["usersCount"]) for one in page["groups"]] == [
            ("integrations", "1")
        ]


async def test_a_group_that_a_listener_names_keeps_its_members_apart(tmp_path: Path) -> None:
    async with desk(tmp_path) as office:
        listener = Listener(
            id=0,
            account_id=A1,
            name="apart",
            url="https://apart.example.com",
            users=UserCondition(kind="except", groups=("integrations",)),
        )
        await office.services.store.change(
            [PutListener(listener=listener)],
            AuditEntry(at=START, actor="test", verb="put", details=None),
        )
        group_id = (await office.ask("GET", GROUPS))["groups"][0]["groupId"]
        gone = await office.ask("DELETE", GROUPS, json={"groups": [{"groupId": group_id}]})
        assert gone["groups"][0]["errorDetails"]["errorCode"] == "GROUP_IN_USE"
        said = {"groups": [{"groupId": group_id, "groupName": "machines"}]}
        await office.ask("PUT", GROUPS, json=said)
        kept = next(iter((await office.services.store.registry()).listeners.values()))
        assert kept.users == UserCondition(kind="except", groups=("machines",))


async def test_account_fields_are_added_changed_and_removed(tmp_path: Path) -> None:
    async with desk(tmp_path) as office:
        text = {"name": "Integration", "customFieldType": "text", "required": True}
        made = await office.ask("POST", FIELDS, json=text, expect=201)
        field = made["textCustomFields"][0]
        assert (field["required"], field["show"], field["value"]) == ("true", "true", "")
        items = {"name": "Site", "customFieldType": "List", "listItems": ["A", "B"], "value": "A"}
        await office.ask("POST", FIELDS, json=items, expect=201)
        one = f"{FIELDS}/{field['fieldId']}"
        changed = await office.ask("PUT", one, json={"value": "ERP", "required": "false"})
        assert changed["textCustomFields"][0] | {"value": "", "required": "true"} == field
        both = await office.ask("GET", FIELDS)
        assert [one["listItems"] for one in both["listCustomFields"]] == [["A", "B"]]
        assert await office.ask("DELETE", one, json={}) is None
        assert (await office.ask("GET", FIELDS))["textCustomFields"] == []
        code = await office.refused("DELETE", one, expect=404)
        assert code == "INVALID_CUSTOM_FIELD_ID"


async def test_an_account_field_beyond_the_limits_is_refused(tmp_path: Path) -> None:
    async with desk(tmp_path) as office:
        for said in (
            {},
            {"name": "n" * 101},
            {"name": "Site", "customFieldType": "list"},
            {"name": "Site", "customFieldType": "list", "listItems": ["A"], "value": "B"},
            {"name": "Site", "customFieldType": "list", "listItems": ["x" * 100] * 21},
            {"name": "Site", "customFieldType": "tree"},
            {"name": "Site", "value": "v" * 101},
        ):
            code = await office.refused("POST", FIELDS, json=said, expect=400)
            assert code == "INVALID_REQUEST_PARAMETER"
            assert (await office.ask("GET", FIELDS)) == {
                "textCustomFields": [],
                "listCustomFields": [],
            }


async def test_a_sub_account_is_made_with_its_own_people(tmp_path: Path) -> None:
    async with desk(tmp_path) as office:
        said = {"accountName": "Acme DE", "initialUser": {"email": "dora@example.com"}}
        made = await office.ask("POST", f"{V21}/accounts", json=said, expect=201)
        shown = await office.ask("GET", f"{V21}/accounts/{made['accountId']}")
        assert shown["accountIdGuid"] == made["accountIdGuid"]
        assert (shown["parentAccountId"], shown["connectPermission"]) == (A1, "full")
        users = await office.ask("GET", f"{V21}/accounts/{made['accountIdGuid']}/users")
        dora = users["users"][0]
        assert (dora["isAdmin"], dora["userId"]) == ("True", made["userId"])
        listed = await office.ask("GET", f"{V21}/accounts")
        assert listed["totalRecords"] == "3"


async def test_login_information_names_each_account_by_number_and_by_guid(tmp_path: Path) -> None:
    async with desk(tmp_path) as office:
        sam = {"X-DocuSign-Act-As-User": "sam@example.com"}
        told = await office.ask("GET", f"{V21}/login_information", headers=sam)
        accounts = told["loginAccounts"]
        assert [one["accountIdGuid"] for one in accounts] == [A1, A2]
        assert [one["isDefault"] for one in accounts] == ["true", "false"]
        assert {one["userId"] for one in accounts} == {SAM}
        number = accounts[1]["accountId"]
        assert number.isdigit()
        assert (await office.ask("GET", f"{V21}/accounts/{number}"))["accountIdGuid"] == A2
