"""The feeder's process: `python -m monitor.demo FOLDER URL [CA]`, quiet, niced, ended by its tether."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from monitor.demo import memory
from monitor.demo.cast import MOST, machines
from monitor.demo.door import Door
from monitor.demo.feeder import Feeder

GONE = 3  # the exit status that says: the fleet was removed
NICE = 10


def main(arguments: list[str]) -> int:
    folder, url, *ca = arguments
    os.nice(NICE)
    fleet = memory.load_fleet(Path(folder))
    if fleet is not None:
        Feeder(Door(url, ca[0] if ca else None), Path(folder), fleet, machines(MOST)).run()
    return GONE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
