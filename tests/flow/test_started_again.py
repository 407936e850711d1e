"""A server that is started again on the database it had before."""

from pathlib import Path

import pytest
from tests.flow.office import office

DAY = 86_400


async def test_offline_time_does_not_go_back_when_the_server_starts_again(tmp_path: Path) -> None:
    async with office(tmp_path, offline=True, virtual_clock=None) as first:
        await first.post("/clock", {"advance_seconds": 30 * DAY})
        moved_to = first.node.clock.now()
    async with office(tmp_path, offline=True, virtual_clock=None) as again:
        assert again.node.clock.now() >= moved_to


async def test_a_moment_given_for_the_clock_is_the_one_it_starts_at(tmp_path: Path) -> None:
    async with office(tmp_path, offline=True, virtual_clock="2026-03-02T09:00:00Z"):
        pass
    async with office(tmp_path, offline=True, virtual_clock="2026-01-01T00:00:00Z") as again:
        assert (await again.get("/clock"))["now"] == "2026-01-01T00:00:00.000Z"


async def test_a_token_that_is_not_printed_again_is_accounted_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with office(tmp_path, admin_token=None):
        assert "The administrator's API token, shown only now: prt_" in capsys.readouterr().out
    async with office(tmp_path, admin_token=None):
        said = capsys.readouterr().out
    assert "the one shown when this database was made; POSTROOM_ADMIN_TOKEN sets another" in said
    assert "prt_" not in said
