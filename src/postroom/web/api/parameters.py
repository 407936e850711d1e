"""The parameters that routes share, each within bounds."""

from typing import Annotated

from litestar.params import PathParameter, QueryParameter

MAX_ROW = 2**63 - 1
MAX_TEXT = 500

Limit = Annotated[int, QueryParameter(ge=1, le=1000, description="How many at most: 1 to 1000.")]
After = Annotated[
    str | None,
    QueryParameter(max_length=MAX_TEXT, description="`next_after` of the page before."),
]
Account = Annotated[
    str | None, QueryParameter(max_length=MAX_TEXT, description="An account's id or name.")
]
ListenerName = Annotated[
    str | None, QueryParameter(max_length=MAX_TEXT, description="A listener's name.")
]
Envelope = Annotated[
    str | None, QueryParameter(max_length=MAX_TEXT, description="An envelope's id.")
]
Events = Annotated[
    list[str] | None,
    QueryParameter(
        max_items=100, description="Events in any spelling; give it several times for several."
    ),
]
Moment = Annotated[
    str | None, QueryParameter(max_length=MAX_TEXT, description="An ISO 8601 moment.")
]
From = Annotated[
    str | None,
    QueryParameter(name="from", max_length=MAX_TEXT, description="Received at or after a moment."),
]
Until = Annotated[
    str | None,
    QueryParameter(name="until", max_length=MAX_TEXT, description="Received before a moment."),
]
Text = Annotated[str | None, QueryParameter(max_length=MAX_TEXT)]
Row = Annotated[int, PathParameter(ge=1, le=MAX_ROW)]
Name = Annotated[str, PathParameter(max_length=MAX_TEXT)]
