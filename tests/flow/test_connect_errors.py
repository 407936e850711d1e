"""What Docusign's paths refuse, and how."""

from pathlib import Path

import pytest
from tests.flow.connect_desk import A1, A2, ADA, MAX_BODY_BYTES, SAM, TOKEN, desk

from postroom.errors import UnavailableError

USERS = f"/restapi/v2.1/accounts/{A1}/users"
AS_SAM = {"X-DocuSign-Act-As-User": SAM}


async def test_every_answer_carries_a_trace_token_of_its_own(tmp_path: Path) -> None:
    async with desk(tmp_path) as office:
        answers = [await office.raw("GET", path) for path in ("/restapi", "/restapi/nowhere")]
        seen = {one.headers["x-docusign-tracetoken"] for one in answers}
        assert len(seen) == 2
        assert answers[0].json()["serviceVersions"][0]["version"] == "v2.1"


async def test_an_unknown_path_is_not_found(tmp_path: Path) -> None:
    async with desk(tmp_path) as office:
        for path in (
            "/restapi/v2.1/nowhere",
            "/oauth/nothing",
            "/restapi/v2/accounts",
        ):
            assert await office.refused("GET", path, expect=404) == "RESOURCE_NOT_FOUND"


async def test_another_method_is_refused_with_those_that_are_taken(tmp_path: Path) -> None:
    async with desk(tmp_path) as office:
        assert await office.refused("PUT", "/restapi", expect=405) == "METHOD_NOT_ALLOWED"
        assert "GET" in (await office.raw("PUT", "/restapi")).headers["allow"]


async def test_without_a_token_that_is_known_nothing_is_told(tmp_path: Path) -> None:
    async with desk(tmp_path) as office:
        for header in (
            None,
            "",
            "Bearer",
            "Bearer ",
            "Bearer wrong",
            f"Basic {TOKEN}",
            TOKEN,
            "Bearer " + "x" * 5000,
        ):
            headers = {} if header is None else {"Authorization": header}
            for path in (USERS, "/restapi/v2.1/login_information", f"{USERS}/{ADA}"):
                code = await office.refused("GET", path, headers=headers, token=None, expect=401)
                assert code == "AUTHORIZATION_INVALID_TOKEN"


async def test_an_account_that_is_not_here_is_told_to_who_runs_the_server_only(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path) as office:
        nowhere = f"/restapi/v2.1/accounts/{ADA}/users"
        assert await office.refused("GET", nowhere, expect=404) == "ACCOUNT_DOES_NOT_EXIST"


async def test_a_user_of_another_account_is_kept_out(tmp_path: Path) -> None:
    async with desk(tmp_path) as office:
        elsewhere = f"/restapi/v2.1/accounts/{A2}/users"
        ada = {"X-DocuSign-Act-As-User": ADA}
        code = await office.refused("GET", elsewhere, headers=ada, expect=401)
        assert code == "USER_DOES_NOT_BELONG_TO_SPECIFIED_ACCOUNT"


async def test_a_closed_user_is_kept_out(tmp_path: Path) -> None:
    async with desk(tmp_path) as office:
        await office.ask("GET", USERS, headers=AS_SAM)
        await office.ask("DELETE", USERS, json={"users": [{"userId": SAM}]})
        code = await office.refused("GET", USERS, headers=AS_SAM, expect=401)
        assert code == "USER_DOES_NOT_BELONG_TO_SPECIFIED_ACCOUNT"


async def test_only_an_administrator_changes_people(tmp_path: Path) -> None:
    async with desk(tmp_path) as office:
        for method, path in (
            ("POST", "users"),
            ("DELETE", "users"),
            ("PUT", f"users/{SAM}"),
            ("POST", "groups"),
            ("POST", "custom_fields"),
        ):
            where = f"/restapi/v2.1/accounts/{A1}/{path}"
            code = await office.refused(method, where, headers=AS_SAM, json={}, expect=403)
            assert code == "USER_NOT_ACCOUNT_ADMIN"


async def test_an_administrator_of_one_account_makes_no_sub_account_of_another(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path) as office:
        ada = {"X-DocuSign-Act-As-User": ADA}
        said = {"accountName": "Hers", "parentAccountId": A2}
        accounts = "/restapi/v2.1/accounts"
        code = await office.refused("POST", accounts, headers=ada, json=said, expect=400)
        assert code == "ACCOUNT_DOES_NOT_EXIST"
        said = {"accountName": "His", "parentAccountId": A2}
        code = await office.refused("POST", accounts, headers=AS_SAM, json=said, expect=403)
        assert code == "USER_NOT_ACCOUNT_ADMIN"


async def test_a_body_that_is_no_json_is_refused(tmp_path: Path) -> None:
    async with desk(tmp_path) as office:
        for body in (
            b"{",
            b"\xff",
            b"[" * 90_000,
            b'{"newUsers": NaN}',
            b"\x00",
        ):
            code = await office.refused("POST", USERS, content=body, expect=400)
            assert code == "INVALID_REQUEST_BODY"


async def test_a_body_beyond_the_bound_is_refused(tmp_path: Path) -> None:
    async with desk(tmp_path) as office:
        body = b" " * (MAX_BODY_BYTES + 1)
        assert await office.refused("POST", USERS, content=body, expect=413) == "REQUEST_TOO_LARGE"


async def test_the_content_type_of_a_body_does_not_matter(tmp_path: Path) -> None:
    async with desk(tmp_path) as office:
        for kind in (
            "application/json",
            "text/plain",
            "",
            "multipart/form-data",
        ):
            headers = {"Content-Type": kind} if kind else {}
            content = b'{"users": []}'
            told = await office.ask("DELETE", USERS, content=content, headers=headers)
            assert told == {"users": []}
            answer = await office.raw("GET", USERS, content=b"{}", headers=headers)
            assert answer.headers["content-type"] == "application/json; charset=utf-8"


async def test_a_query_beyond_all_bounds_is_refused(tmp_path: Path) -> None:
    async with desk(tmp_path) as office:
        for query in ("&".join(f"p{n}=1" for n in range(101)), "email=" + "x" * 5000):
            code = await office.refused("GET", f"{USERS}?{query}", expect=400)
            assert code == "INVALID_REQUEST_PARAMETER"


async def test_a_store_that_keeps_nothing_now_is_told_of(tmp_path: Path) -> None:
    async with desk(tmp_path) as office:
        await office.services.store.close()
        answer = await office.raw("GET", USERS)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert answer.json()["errorCode"] == "SERVICE_UNAVAILABLE"
        with pytest.raises(UnavailableError):
            await office.services.store.revision()


async def test_a_fault_of_ours_is_told_without_a_word_about_our_inside(tmp_path: Path) -> None:
    async with desk(tmp_path) as office:
        office.services.registry = lambda: None  # type: ignore[assignment,return-value]  # broken
        answer = await office.raw("GET", USERS)
        assert answer.status_code == 500
        assert answer.json()["errorCode"] == "UNSPECIFIED_ERROR"
        assert "NoneType" not in answer.text
