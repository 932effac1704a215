"""Adds the learning packages behind the running product, at the lowest priority."""

from __future__ import annotations

import os
import sys

from monitor.launch import environment

if __name__ == "__main__":
    os.nice(19)
    sys.exit(0 if environment.ensure_learning() else 1)
