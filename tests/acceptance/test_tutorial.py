"""The tutorial does what it says, and prints what it shows, from an empty folder to its end."""

from collections import Counter
from pathlib import Path

from tests.acceptance.tutorial import Tutorial, fits, steps

PAGE = "tutorial/from-crossed-wires-to-apart.md"


def test_the_tutorial_goes_as_its_page_shows(tmp_path: Path) -> None:
    page = Tutorial(PAGE, tmp_path)
    try:
        page.follow()
    finally:
        page.close()
    got = Counter(line.split()[0] for line in page.printed("listener").splitlines())
    assert got == {"/crm": 10, "/erp": 12, "/audit": 6}


def test_what_a_page_shows_is_compared_line_by_line() -> None:
    printed = "a   b\n\nid evt_0123456789abcdef0123456789abcdef at 9\nlast\n"
    assert fits("a b\nid evt_… at 9\nlast\n", printed)
    assert fits("a b\n…\nlast\n", printed)
    assert fits("a …\nid evt_… …\nlast\n", printed)
    assert not fits("a b\nlast\n", printed)
    assert not fits("a b\nid evt_… at 8\nlast\n", printed)
    assert not fits("a b\nid evt_… at 9\n", printed)


def test_a_block_is_its_commands_each_with_what_it_prints() -> None:
    assert steps("$ one\n$ two\nsaid\nmore\n") == [("one", ""), ("two", "said\nmore\n")]
