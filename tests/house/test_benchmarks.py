"""The benchmarks are written down, judge by what was measured, and still run."""

from pathlib import Path

import pytest
from benchmarks import cluster, goals, named, stage
from benchmarks.sink import Sink
from benchmarks.systems import OnSqlite

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "benchmarks.md"
ONE_GOAL = "W8, sqlite: CPU per delivery by the floor's"


def test_every_workload_and_every_system_has_a_written_definition() -> None:
    text = REFERENCE.read_text()
    defined = (
        [one.name for one in (*named.WORKLOADS, named.MILLION)],
        [one.name for one in cluster.SYSTEMS],
    )
    workloads, systems = (
        [name for name in names if f"**{name}**" not in text] for names in defined
    )
    assert not workloads
    assert not systems


@pytest.mark.parametrize(("ours", "verdict"), [(149.0, "met"), (151.0, "MISSED")])
def test_a_goal_is_met_or_missed_by_what_was_measured(ours: float, verdict: str) -> None:
    figures = {"ceiling_events_per_second": 1.0, "ceiling_deliveries_per_second": 3.0}
    kept = {"lost": 0.0, "duplicates": 0.0}
    medians = {
        "W8": {
            "sqlite": figures | kept | {"cpu_ms_per_1000": ours},
            "floor": figures | {"cpu_ms_per_1000": 100.0},
        }
    }
    judged = {goal.words: goal.verdict for goal in goals.judge(medians, cores=2)}
    assert judged[ONE_GOAL] == verdict


def test_two_nodes_are_not_judged_where_they_share_their_cores() -> None:
    figures = {
        "ceiling_deliveries_per_second": 1.0,
        "cpu_ms_per_1000": 1.0,
        "lost": 0.0,
        "duplicates": 0.0,
    }
    medians = {"W8": {"postgres": figures, "postgres-2": figures}}
    verdicts = {
        cores: next(goals.judge(medians, cores)).verdict for cores in (2, goals.CORES_FOR_TWO_NODES)
    }
    assert verdicts == {2: "not judged", goals.CORES_FOR_TWO_NODES: "MISSED"}


async def test_a_workload_still_runs_and_nothing_of_it_is_lost(tmp_path: Path) -> None:
    sink = Sink()
    await sink.open()
    steady = next(one for one in named.WORKLOADS if one.name == "W1")
    sizes = stage.Sizes(seconds=0.5, warm_up=0.01)
    try:
        found = await cluster.measure(steady, OnSqlite, sink, sizes, tmp_path)
    finally:
        sink.close()
    assert (found["deliveries"], found["lost"], found["duplicates"]) == (100, 0, 0)
    assert found["accept_p50_ms"] <= found["first_attempt_p50_ms"]
