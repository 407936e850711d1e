"""What a listener of states is told of one action: its last event stands for those before it."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from msgspec.structs import replace

from postroom.model import Listener, Match, OwedState
from postroom.storage.port import Recording

OF_STATES = frozenset({"aggregate", "xml"})
"""Formats that tell a state, not an event."""
OF_STATES_IN_A_FEED = OF_STATES | {"pass-through"}
"""The same where what came in tells a state itself."""

TOLD_LATER = "told by a later event of the action"
"""Why an earlier event of the action is not sent by itself."""

Fate = tuple[OwedState, str | None]


def merged(
    recordings: Sequence[Recording], listeners: Mapping[int, Listener], formats: AbstractSet[str]
) -> tuple[Recording, ...]:
    """Let a listener of states hear of one action once: by its last event (contract 2.3).

    What is sent tells of those before it. What is held tells only of those held for the same
    reason, since it may come to nothing.
    """
    told: dict[int, set[Fate]] = {}
    made: list[Recording] = []
    for recording in reversed(recordings):
        of_states = [
            match
            for match in recording.matches
            if listeners[match.listener_id].format in formats
            and match.state is not OwedState.SHADOWED
        ]
        matches = tuple(
            replace(match, state=OwedState.MERGED, reason=TOLD_LATER)
            if told.get(match.listener_id, set()) & {(OwedState.DUE, None), _fate(match)}
            else match
            for match in recording.matches
        )
        for match in of_states:
            told.setdefault(match.listener_id, set()).add(_fate(match))
        made.append(replace(recording, matches=matches) if of_states else recording)
    return tuple(reversed(made))


def _fate(match: Match) -> Fate:
    return match.state, None if match.state is OwedState.DUE else match.reason
