"""An installation moves from one database to another: nothing lost, nothing delivered twice.

Both ends are marked before the first row is copied, and an end that is marked is not served: not
the source from then on, nor the target until all is there. Rows go in the order of their keys, by
chunks; the target remembers in each chunk's transaction how far it is. Killed at any moment, the
same command goes on from there. At last every row is read from both ends and compared.

The databases are behind `ends.End`; what is done with them is here and the same for both.
"""

from postroom.storage.copying.carrying import (
    copy,
    look,
    must_have_these_tables,
    secrets_of,
    undo,
)
from postroom.storage.copying.ends import Copied, End, Numbers, Progress, Stand, Told
from postroom.storage.copying.relocation import Relocation

__all__ = [
    "Copied",
    "End",
    "Numbers",
    "Progress",
    "Relocation",
    "Stand",
    "Told",
    "copy",
    "look",
    "must_have_these_tables",
    "secrets_of",
    "undo",
]
