"""The end of the demo on the screen: a table for people."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from postroom.cli.demo import story
from postroom.cli.demo.report import Cell, Report


def render(report: Report) -> RenderableType:
    """Return the report as tables: who got what or why not, tries, unclaimed."""
    return Group(_arrivals(report), _tries(report), _unclaimed(report))


def _arrivals(report: Report) -> Table:
    table = Table(title="Who got what, or why not", show_lines=True, title_justify="left")
    for name in ("Envelope", *story.LISTENERS):
        table.add_column(name, overflow="fold")
    for row in report.rows:
        table.add_row(row.title, *(_cell(cell) for cell in row.cells))
    return table


def _cell(cell: Cell) -> Text:
    if cell.delivered != cell.expected:
        return Text(f"✗ got {', '.join(cell.delivered) or 'nothing'}", style="bold red")
    if cell.delivered:
        names = "\n".join(f"✓ {event.removeprefix('envelope-')}" for event in cell.delivered)
        return Text(names, style="green")
    return Text(cell.why_not or "", style="dim")


def _tries(report: Report) -> Table:
    table = Table(title="Attempts", title_justify="left")
    table.add_column("Listener")
    for heading in ("deliveries", "attempts", "retries"):
        table.add_column(heading, justify="right")
    for one in report.tries:
        numbers = (one.deliveries, one.attempts, one.retries)
        table.add_row(one.listener, *(str(number) for number in numbers))
    return table


def _unclaimed(report: Report) -> Text:
    wanted = "; ".join(report.unclaimed) or "nothing"
    return Text(f"Unclaimed (nobody wanted it, and it is listed, not lost): {wanted}")
