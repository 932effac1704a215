"""The checklist names tests that are there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
NAMED = re.compile(r"(tests/[\w/]+\.py)(?:::(\w+))?")


def test_every_line_of_the_security_checklist_names_a_test_that_exists() -> None:
    lines = [line for line in (ROOT / "docs/security-checklist.md").read_text().splitlines() if line.startswith("| ")]
    rows = [line for line in lines if not line.startswith(("| ---", "| item"))]
    assert rows
    for line in rows:
        found = NAMED.search(line.rpartition("| ")[2] if line.endswith("| ") else line.rstrip("| "))
        assert found, f"no test is named in: {line}"
        path, name = found.groups()
        assert (ROOT / path).is_file(), f"{path} is not there: {line}"
        assert name is None or f"def {name}(" in (ROOT / path).read_text(), f"{path} has no {name}"
