"""Kills and partitions, bounded: every kind of fault at least once. The long run: `make chaos`."""

from pathlib import Path

import pytest
from tests.chaos import play
from tests.chaos.rig import Plan

SHORT = Plan(
    notifications=600,
    seconds=12,
    seed=20260302,
    node_kills=5,
    database_kills=2,
    failovers=2,
    network_faults=7,
)


@pytest.mark.timeout(240)  # some faults are noticed by nothing but the passing of seconds
async def test_kills_failovers_and_partitions_lose_nothing_and_repeat_only_what_was_cut_off(
    tmp_path: Path,
) -> None:
    report = await play.run(SHORT, tmp_path)
    assert report.complaints == []
    assert report.acknowledged == SHORT.notifications
    assert sum(fault.kills for fault in report.faults) == SHORT.kills
    assert len(report.counted) == 12, "a kind of fault was left out"
