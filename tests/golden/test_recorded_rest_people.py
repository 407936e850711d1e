"""What is answered about people has the shape of the answers recorded from the service."""

from pathlib import Path

from tests.flow.connect_desk import A1, START, desk
from tests.golden.shapes import differences, recorded

from postroom.model import Account, User


async def test_users_are_listed_as_recorded(tmp_path: Path) -> None:
    exchange = recorded("list-users.json")[0]
    said = {"firstName": "Sample", "lastName": "Person", "jobTitle": "Clerk Of Works"}
    admin = User(
        id="5f0c1f3e-0000-4000-8000-00000000ada0",
        email="ada@example.com",
        name="Ada Adams",
        is_admin=True,
        created_at=START,
        profile=said,
    )
    account = Account(id=A1, name="Acme", users=(admin,))
    async with desk(tmp_path, account) as office:
        users = f"/restapi/v2.1/accounts/{A1}/users"
        closed = {"firstName": "Test", "middleName": "Test", "lastName": "User"}
        viewer = {"permissionProfileId": "10000003"}
        for name in ("Test User", "Test User 2"):
            entry = {"userName": name, "email": "dev@example.com"} | closed | viewer
            made = await office.ask("POST", users, json={"newUsers": [entry]}, expect=201)
            gone = {"users": [{"userId": made["newUsers"][0]["userId"]}]}
            await office.ask("DELETE", users, json=gone)
        made = await office.ask("GET", users, params=exchange["request"]["params"])
    assert not list(differences(exchange["response"], made))


async def test_account_fields_are_listed_as_recorded(tmp_path: Path) -> None:
    exchange = recorded("custom-fields.json")[0]
    async with desk(tmp_path) as office:
        made = await office.ask("GET", f"/restapi/v2.1/accounts/{A1}/custom_fields")
    assert not list(differences(exchange["response"], made))
    assert list(made) == list(exchange["response"])
