"""Fail when a test is missing, not only when one is red.

`tests/inventory.txt` names every test function of the suite. `check REPORT` compares it with what
a run really executed (pytest's JUnit report); `write` makes it anew from what
`pytest --collect-only -q` prints.
"""

import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from pathlib import Path

INVENTORY = Path(__file__).parents[1] / "inventory.txt"


def executed(report: Path) -> dict[str, bool]:
    """Return each test function of a report, and whether any case of it really ran."""
    ran: dict[str, bool] = {}
    for case in ET.parse(report).iter("testcase"):  # noqa: S314  # our own report, just written
        name = f"{case.get('classname')}::{(case.get('name') or '').partition('[')[0]}"
        ran[name] = ran.get(name, False) or case.find("skipped") is None
    return ran


def collected(lines: Iterable[str]) -> set[str]:
    """Return each test function that pytest says it collected, named as its reports name it."""
    found = set()
    for line in lines:
        path, separator, name = line.partition("[")[0].strip().rpartition("::")
        if separator:
            found.add(f"{path.replace('.py', '').replace('/', '.').replace('::', '.')}::{name}")
    return found


def main() -> int:
    """Check or write the inventory."""
    if sys.argv[1] == "write":
        INVENTORY.write_text("".join(f"{name}\n" for name in sorted(collected(sys.stdin))))
        return 0
    ran = executed(Path(sys.argv[2]))
    listed = INVENTORY.read_text().split("\n")[:-1]
    missing = sorted(set(listed) - set(ran))
    unlisted = sorted(set(ran) - set(listed))
    skipped = sorted(name for name, really in ran.items() if not really)
    for name in missing:
        sys.stderr.write(f"missing: {name} is in tests/inventory.txt but did not run\n")
    for name in unlisted:
        sys.stderr.write(f"not listed: {name}; run `make inventory` and commit the file\n")
    for name in skipped:
        sys.stderr.write(f"skipped: {name}\n")
    sys.stdout.write(f"{len(ran) - len(skipped)} of {len(listed)} listed tests ran\n")
    return 1 if missing or unlisted else 0


if __name__ == "__main__":
    sys.exit(main())
