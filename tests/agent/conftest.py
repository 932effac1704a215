"""The agent is not installed for tests: it runs from its folder, as it does on a machine."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "agent"))
