"""A hundred agents of the real code in one process: spools and couriers, a row a second, until told to stop.

python -m bench._outage FILE    FILE says where to post, with which keys; prints what was posted when, as JSON.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "agent"))

from watchkeeper_agent.courier import Courier
from watchkeeper_agent.post import Answer, Hub
from watchkeeper_agent.sample import layout_of
from watchkeeper_agent.spool import Spool

COLUMNS = ["cpu_used_percent", "memory_used_percent", *(f'cpu_core_used_percent{{core="{n}"}}' for n in range(18))]
LAYOUT = layout_of(COLUMNS)
DRAIN = 300.0


@dataclass
class Machine:
    """One agent without its collectors."""

    spool: Spool
    courier: Courier
    told: list[float] = field(default_factory=list)

    def tick(self, number: int) -> None:
        at = round(time.time(), 3)
        self.told.append(at)
        row = [at, float(number), *[round(at % 97, 2)] * (len(COLUMNS) - 1)]
        self.spool.append(COLUMNS, LAYOUT, row, live=self.courier.connected, extras={})
        self.courier.ring()


def main(path: str) -> int:
    work = json.loads(Path(path).read_text(encoding="utf-8"))
    posts: Counter[int] = Counter()
    fleet = [_machine(work, place, posts) for place in range(len(work["keys"]))]
    stop = Path(path).with_suffix(".stop")
    number, begin = 0, time.monotonic()
    while not stop.exists():
        for place, machine in enumerate(fleet):
            time.sleep(max(0.0, begin + number + place / len(fleet) - time.monotonic()))
            machine.tick(number)
        number += 1
    end = time.monotonic() + DRAIN
    while any(machine.spool.waiting() for machine in fleet) and time.monotonic() < end:
        time.sleep(0.2)
    told: dict[str, Any] = {
        "posts": posts, "rows": [machine.told for machine in fleet],
        "waiting": sum(machine.spool.waiting() for machine in fleet),
        "dropped": sum(machine.spool.dropped for machine in fleet),
    }  # fmt: skip
    print(json.dumps(told))
    return 0


def _machine(work: dict[str, Any], place: int, posts: Counter[int]) -> Machine:
    hub, lock = Hub(work["url"], work["keys"][place]), threading.Lock()
    plain = hub.post

    def post(path: str, document: dict[str, Any]) -> Answer:
        answer = plain(path, document)
        with lock:
            posts[int(time.time())] += 1
        return answer

    hub.post = post  # type: ignore[method-assign]
    spool = Spool(f"{work['folder']}/{place}")
    courier = Courier(hub, spool, lambda _: None)
    courier.interval = 1.0
    courier.start()
    return Machine(spool, courier)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
