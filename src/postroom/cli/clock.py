"""`postroom clock`: the server's time, and in tests its virtual clock."""

from typing import Annotated

import typer

from postroom.cli.output import moment
from postroom.cli.seat import Seat, command
from postroom.errors import InvalidInputError

app = typer.Typer(add_completion=False)


@command(app)
async def clock(
    seat: Seat,
    advance: Annotated[
        float | None, typer.Option(help="Move a virtual clock so many seconds forward.")
    ] = None,
    to: Annotated[
        str | None, typer.Option(help="Move a virtual clock to this ISO 8601 moment.")
    ] = None,
) -> None:
    """Tell the server's time; move it if it was started with --offline or --virtual-clock."""
    if advance is not None and to is not None:
        raise InvalidInputError("give either --advance or --to")
    if advance is not None:
        time = await seat.desk.post("/clock", {"advance_seconds": advance})
    elif to is not None:
        time = await seat.desk.post("/clock", {"to": to})
    else:
        time = await seat.desk.get("/clock")
    seat.out.say(time, f"{moment(time['now'])} UTC{' (virtual)' if time['is_virtual'] else ''}")
