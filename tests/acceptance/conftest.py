"""What every scenario starts from: a recorder of its own and the real server on a fresh file."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.acceptance.gateway import Gateway
from tests.acceptance.recorder import Recorder

Launch = Callable[..., Gateway]


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recording = Recorder()
    yield recording
    recording.close()


@contextmanager
def launching(folder: Path) -> Iterator[Launch]:
    """Yield what starts a server: `launch(start="2026-03-02T09:00:00Z", flags=[...])`."""
    started: list[Gateway] = []

    def start_one(*, start: str = "2026-03-02T09:00:00Z", flags: tuple[str, ...] = ()) -> Gateway:
        one = Gateway(folder, start=start, flags=flags)
        started.append(one)
        one.start()
        return one

    yield start_one
    for one in started:
        one.close()


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Launch]:
    with launching(tmp_path) as start_one:
        yield start_one


@pytest.fixture(scope="module")
def launch_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launch]:
    """Start a server that the cases of one file share, where they cannot disturb each other."""
    with launching(tmp_path_factory.mktemp("shared")) as start_one:
        yield start_one


@pytest.fixture
def gateway(launch: Launch) -> Gateway:
    return launch()
