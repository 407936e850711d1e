"""What Docusign's paths refuse, and how."""

from pathlib import Path

import pytest
from tests.flow.connect_desk import A1, desk

USERS = f"/restapi/v2.1/accounts/{A1}/users"


async def test_every_answer_carries_a_trace_token_of_its_own(tmp_path: Path) -> None:
    async with desk(tmp_path) as office:
        answers = [await office.raw("GET", path) for path in ("/restapi", "/restapi/nowhere")]
        seen = {one.headers["x-docusign-tracetoken"] for one in answers}
        assert len(seen) == 2
        assert answers[0].json()["serviceVersions"][0]["version"] == "v2.1"


@pytest.mark.parametrize(
    "path", ["/restapi/v2.1/nowhere", "/oauth/nothing", "/restapi/v2/accounts"]
)
async def test_an_unknown_path_is_not_found(tmp_path: Path, path: str) -> None:
    async with desk(tmp_path) as office:
        assert await office.refused("GET", path, expect=404) == "RESOURCE_NOT_FOUND"


async def test_another_method_is_refused(tmp_path: Path) -> None:
    async with desk(tmp_path) as office:
        assert await office.refused("PUT", "/restapi", expect=405) == "METHOD_NOT_ALLOWED"
