"""The demo fleet beside the running product: enrolled through the real door, fed by a child until it is removed."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from django.db import DatabaseError, connection

from accounts.models import Team
from core.clock import now
from monitor.demo import memory
from monitor.demo.cast import MOST, Machine, machines
from monitor.demo.door import Door
from monitor.kept import Kept
from monitor.launch import tether
from servers.models import Server
from servers.services import make_enrolment

PAUSE = 5.0
LEAVING = 60.0
GONE = 3  # what monitor.demo.__main__ ends with


class Child(Kept):
    """Kept alive until it says that the fleet is gone."""

    def _lived(self) -> float:
        lived = super()._lived()
        if self.child is not None and self.child.returncode == GONE:
            self.ended.set()
        return lived


running: DemoFleet | None = None
"""That of this process, for whoever asks for one while it runs."""


class DemoFleet:
    """All on one thread; `wanted` is how many were asked for at this start, 0 for those that are there."""

    def __init__(self, data: Path, url: str, ca: Path | None, say: Callable[[str], None], wanted: int) -> None:
        self.folder = data / "demo"
        self.url, self.ca, self.say, self.wanted = url, str(ca) if ca else None, say, wanted
        self.told = ""
        words = [sys.executable, "-m", "monitor.demo", str(self.folder), url, *([self.ca] if self.ca else [])]
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TZ") if name in os.environ}
        # One thread is enough for its arithmetic: numpy's own would only be in the way.
        env = {**kept, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self.kept = Child(tether.words(*words), log=data / "logs" / "demo.log", env=env)

        self.thread: threading.Thread | None = None

    def start(self) -> None:
        global running  # noqa: PLW0603 - one a process
        running = self
        self._on_thread(self._run)

    def begin(self, count: int) -> None:
        """Make one while the product runs, after the end of one that was just removed."""
        before = self.thread
        self.wanted = count
        self._on_thread(lambda: self._follow(before))

    def _follow(self, before: threading.Thread | None) -> None:
        if before is not None:
            before.join(LEAVING)
            if before.is_alive():
                return  # there is one
        self.kept.ended.clear()
        self._run()

    def _on_thread(self, work: Callable[[], None]) -> None:
        self.thread = threading.Thread(target=work, name="demo", daemon=True)
        self.thread.start()

    def _run(self) -> None:
        while (count := self._ready()) is None:
            if self.kept.ended.wait(PAUSE):
                return
        if count:
            self.say(
                f"{count} demo servers are simulated. Remove them on the Fleet page, "
                "or with ./watchkeeper manage remove_demo."
            )
            self.kept.run()
        if not count or (self.kept.child is not None and self.kept.child.returncode == GONE):
            shutil.rmtree(self.folder, ignore_errors=True)

    def _ready(self) -> int | None:
        """How many are enrolled now; None where it must be tried again."""
        try:
            return self._enrol()
        except (OSError, DatabaseError) as error:
            reason = " ".join(str(error).split())[:200]
            if reason != self.told:
                self.told = reason
                self.say(f"The demo fleet is not there yet: {reason}")
            return None
        finally:
            connection.close()

    def _enrol(self) -> int:
        known = {row.fingerprint: row for row in Server.objects.filter(demo=True)}
        cast = machines(MOST)
        chosen = [one for one in cast if one.number < self.wanted or one.fingerprint in known]
        fleet = memory.load_fleet(self.folder)
        if fleet is None or not known:
            # Made anew, or its keys were lost: what a lost one told is told again, and is the same.
            shutil.rmtree(self.folder, ignore_errors=True)
            made = min((row.created_at.timestamp() for row in known.values()), default=time.time())
            fleet = memory.Fleet(made)
        here = {str(row.uuid) for row in known.values()}
        # Whom we enrolled and who is gone was deleted by somebody: it stays away while the others are here.
        chosen = [one for one in chosen if fleet.servers.get(one.name, "") in {"", *here}]
        missing = [one for one in chosen if one.name not in fleet.servers]
        if missing:
            self._through_the_door(fleet, missing)
        return len(chosen)

    def _through_the_door(self, fleet: memory.Fleet, missing: list[Machine]) -> None:
        team = Team.objects.order_by("pk")[0]
        token = make_enrolment(team, "demo fleet", reusable=True, hours=0.1, demo=True)
        door = Door(self.url, self.ca)
        for one in missing:
            body = {"token": token, "hostname": one.name, "fingerprint": one.fingerprint, "facts": one.facts()}
            answer = door.post("/api/v1/enrol", body)
            if answer.status != 201:
                raise ConnectionError(str(answer.document.get("detail") or f"the hub answered {answer.status}"))
            fleet.servers[one.name] = str(answer.document["server"])
            fleet.keys[one.name] = str(answer.document["key"])
            # What its people would have written there; what somebody wrote since stays.
            Server.objects.filter(uuid=fleet.servers[one.name], demo=True, role="").update(
                role=one.role, site=one.site, environment=one.environment, tags=one.tags, changed_at=now()
            )
        door.close()
        memory.save(self.folder, fleet)
