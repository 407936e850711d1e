"""A process that copies by small chunks and says a line for each, until it is killed."""

import asyncio
import sys

from postroom import app
from postroom.cli.copy import settings_of
from postroom.storage.copying import Progress, parts


def told(far: Progress) -> None:
    sys.stdout.write(f"{far.does} {far.part} {far.rows}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    parts.CHUNK_ROWS = 5
    source, target = sys.argv[1:]
    ends = (settings_of(None, one, source) for one in (source, target))
    asyncio.run(app.copy(*ends, told=told))
