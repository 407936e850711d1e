"""Fail when a test is missing, not only when one is red.

`tests/inventory.txt` names every test function of the suite. `check REPORT` compares it with what
a run really executed (pytest's JUnit report); `write REPORT` makes it anew.
"""

import sys
import xml.etree.ElementTree as ET
from pathlib import Path

INVENTORY = Path(__file__).parents[1] / "inventory.txt"


def executed(report: Path) -> dict[str, bool]:
    """Return each test function of a report, and whether any case of it really ran."""
    ran: dict[str, bool] = {}
    for case in ET.parse(report).iter("testcase"):  # noqa: S314  # our own report, just written
        name = f"{case.get('classname')}::{(case.get('name') or '').partition('[')[0]}"
        ran[name] = ran.get(name, False) or case.find("skipped") is None
    return ran


def main() -> int:
    """Check or write the inventory."""
    verb, report = sys.argv[1], Path(sys.argv[2])
    ran = executed(report)
    if verb == "write":
        INVENTORY.write_text("".join(f"{name}\n" for name in sorted(ran)))
        return 0
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
