"""Globs describe whole values, and cost time linear in the value."""

import fnmatch
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.routing.globs import Glob


@pytest.mark.parametrize(
    ("pattern", "value", "fits"),
    [
        ("", "", True),
        ("", "x", False),
        ("*", "", True),
        ("PO-*", "PO-7781", True),
        ("PO-*", "xPO-7781", False),
        ("*-7781", "PO-7781", True),
        ("a*b*c", "aXXbYYc", True),
        ("a*b*c", "aXXcYYb", False),
        ("a*a", "a", False),
        ("?", "é", True),
        ("?", "", False),
        ("*a?c*", "xxabcxx", True),
        ("*a?c*", "xxabxcxx", False),
        ("[abc]x", "bx", True),
        ("[!abc]x", "bx", False),
        ("[!abc]x", "dx", True),
        ("[a-c][0-9]", "b7", True),
        ("[a-c]", "B", False),
        ("[a-]", "-", True),
        ("[]]", "]", True),
        ("[", "[", True),
        ("a[b", "a[b", True),
        ("a.c", "abc", False),
        ("a\\*", "a\\b", True),
        ("x\ny*", "x\nyz", True),
    ],
)
def test_a_glob_describes_the_whole_value(pattern: str, value: str, fits: bool) -> None:  # noqa: FBT001  # a table's column
    assert Glob(pattern).matches(value) is fits


@given(st.text(alphabet="ab*?", max_size=12), st.text(alphabet="ab", max_size=16))
def test_globs_agree_with_the_shell(pattern: str, value: str) -> None:
    expected = re.fullmatch(fnmatch.translate(pattern), value) is not None
    assert Glob(pattern).matches(value) is expected


@pytest.mark.parametrize(
    "pattern",
    ["*" + "a" * 1_000 + "b*", "*a" * 50 + "b", "*" + "a" * 1_000 + "?b*", "*[ab]?" * 20 + "c"],
)
def test_hostile_values_cost_linear_time(pattern: str) -> None:
    glob = Glob(pattern)

    def seconds(length: int) -> float:
        began = time.process_time()
        assert not glob.matches("a" * length)
        return time.process_time() - began

    # Backtracking would take hours for the first; quadratic time, a hundredfold for tenfold.
    assert seconds(100_000) < 5
    assert seconds(1_000_000) < 20
