"""The pages on many nodes lead where they say."""

import re
from pathlib import Path

import pytest
from tests.deploy.deployed import ROOT

LINK = re.compile(r"\]\(([^)#:]+)\)")
PAGES = [
    ROOT / "docs" / name
    for name in (
        *("how-to/from-one-node-to-many.md", "how-to/run-on-postgresql.md"),
        *("how-to/size-a-cluster.md", "explanation/scale.md"),
    )
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_leads_somewhere(page: Path) -> None:
    links = LINK.findall(page.read_text())
    assert len(links) > 2
    assert [one for one in links if not (page.parent / one).exists()] == []
