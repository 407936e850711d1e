"""Kleene's logic: what is not known stays unknown unless the rest decides it."""

from collections.abc import Iterable

from postroom.model import Truth

YES, NO, UNKNOWN = Truth.YES, Truth.NO, Truth.UNKNOWN

_OPPOSITE = {YES: NO, NO: YES, UNKNOWN: UNKNOWN}


def negation(truth: Truth) -> Truth:
    """Return yes for no, no for yes, unknown for unknown."""
    return _OPPOSITE[truth]


def conjunction(truths: Iterable[Truth]) -> Truth:
    """Return no at the first no, else unknown if there is one, else yes."""
    result = YES
    for truth in truths:
        if truth is NO:
            return NO
        if truth is UNKNOWN:
            result = UNKNOWN
    return result


def disjunction(truths: Iterable[Truth]) -> Truth:
    """Return yes at the first yes, else unknown if there is one, else no."""
    result = NO
    for truth in truths:
        if truth is YES:
            return YES
        if truth is UNKNOWN:
            result = UNKNOWN
    return result
