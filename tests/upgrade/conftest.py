"""Databases for rehearsals: both kinds, each test its own."""

from collections.abc import Iterator

import pytest
from tests.contract import postgres


@pytest.fixture(scope="session", autouse=True)
def _stop_what_was_started() -> Iterator[None]:
    yield
    postgres.stop_server()
