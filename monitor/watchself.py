"""The agent of this very machine: enrolled through the real door, kept running beside the product."""

from __future__ import annotations

import http.client
import json
import os
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection

from accounts.models import Team
from metrics.latest import latest
from monitor.kept import Kept, last_line
from monitor.launch import place
from servers.models import Server
from servers.services import make_enrolment

SOONEST, LATEST = 5.0, 600.0  # seconds before an enrolment that failed is tried again
LOOK_EVERY = 60.0  # seconds between two looks whether the key is still accepted
HEARD_WITHIN, HEAR_EVERY = 20.0, 0.2  # seconds before it is said that nothing is heard, and between two looks
HEAR_AGAIN = 5.0  # the same after that
ANEW_EVERY = 3600.0  # whoever takes the key away again and again is not answered with a flood of new ones


class OwnAgent:
    """Enrolled when need be and then kept running, all on one thread."""

    def __init__(self, data: Path, url: str, ca: Path | None, say: Callable[[str], None]) -> None:
        self.config = data / "agent" / "agent.json"
        self.url, self.ca, self.say = url, ca, say
        self.told, self.number = "", 0
        self.heard, self.before = False, 0
        self.log = data / "logs" / "agent.log"
        self.kept = Kept(self._words("run", "--with-parent"), log=self.log, env=self._env())

    def start(self) -> None:
        threading.Thread(target=self._run, name="own-agent", daemon=True).start()

    def _run(self) -> None:
        pause = SOONEST
        while not self._enrolled():
            if self.kept.ended.wait(pause):
                return
            pause = min(pause * 2, LATEST)
        self.before = self._received()
        # Not on this thread: the child is tied to it.
        threading.Thread(target=self._mind, name="own-agent-key", daemon=True).start()
        self.kept.run()

    def _mind(self) -> None:
        self._hear()
        self._guard()

    def _hear(self) -> None:
        """Say that this machine is watched once it is: an agent that is enrolled may still be unable to run."""
        patience = time.monotonic() + HEARD_WITHIN
        while not self._heard() and time.monotonic() < patience:
            if self.kept.ended.wait(HEAR_EVERY):
                return
        if not self.heard:
            self._failed(f"its agent says nothing to us. The last line of {self.log}: {last_line(self.log)}")

    def _heard(self) -> bool:
        if not self.heard and self._received() != self.before:
            self.heard, self.told = True, ""
            self.say("This machine is being watched.")
        return self.heard

    def _received(self) -> int:
        """When we heard from this machine last."""
        self.number = self.number or self._number()
        row = latest.get(self.number)
        return row.received if row else 0

    def _number(self) -> int:
        try:
            named = json.loads(self.config.read_text(encoding="utf-8"))["server"]
            return Server.objects.filter(uuid=named).values_list("pk", flat=True).first() or 0
        except (OSError, ValueError, KeyError, TypeError, ValidationError, DatabaseError):
            return 0  # asked again at the next look
        finally:
            connection.close()

    def _guard(self) -> None:
        """An enrolment of this machine by somebody else may have taken the agent's key: then it gets another."""
        anew = float("-inf")
        while not self.kept.ended.wait(LOOK_EVERY if self.heard else HEAR_AGAIN):
            self._heard()
            if time.monotonic() - anew >= ANEW_EVERY and self._lost():
                anew = time.monotonic()
                if self._enrolled():
                    self.kept.again()
                    self.told = ""
                    self.say("This machine's agent was refused and is enrolled anew.")

    def _lost(self) -> bool:
        """Whether the door refuses the key for sure; a door that cannot be asked now says nothing."""
        try:
            return not self._accepted()
        except (OSError, ValueError, KeyError, TypeError, http.client.HTTPException):
            return False

    def _enrolled(self) -> bool:
        """Whether there is a valid enrolment now; a first or lost one is made through the door."""
        try:
            if self._known() and self._accepted():
                return True
            return self._enrol()
        except subprocess.TimeoutExpired:
            return self._failed("its agent did not end in time")
        except (OSError, KeyError, http.client.HTTPException, DatabaseError) as error:
            return self._failed(" ".join(str(error).split())[:200])
        finally:
            connection.close()

    def _failed(self, reason: str) -> bool:
        """Said once for each reason, while it is tried again and again."""
        if reason != self.told:
            self.told = reason
            self.say(f"This machine is not being watched: {reason}")
        return False

    def _known(self) -> bool:
        try:
            config = json.loads(self.config.read_text(encoding="utf-8"))
            known = bool(config["key"] and Server.objects.filter(uuid=config["server"]).exists())
        except (OSError, ValueError, KeyError, TypeError, ValidationError):
            return False
        self._move(config)  # also before it is enrolled anew: what an earlier file says stays
        return known

    def _accepted(self) -> bool:
        """Whether the real door takes the key that is kept; trouble in asking is no answer and is raised."""
        key = str(json.loads(self.config.read_text(encoding="utf-8"))["key"])
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        if parts.scheme == "https":
            context = ssl.create_default_context(cafile=str(self.ca) if self.ca else None)
            asked: http.client.HTTPConnection = http.client.HTTPSConnection(
                host, parts.port, timeout=10, context=context
            )
        else:
            asked = http.client.HTTPConnection(host, parts.port, timeout=10)
        try:
            asked.request("GET", "/api/v1/orders?wait=0", headers={"Authorization": f"Bearer {key}"})
            status = asked.getresponse().status
        finally:
            asked.close()
        if status not in (200, 401):
            raise OSError(f"its hub answered {status}")
        return status == 200

    def _move(self, config: dict[str, object]) -> None:
        """Follow a changed address without a new key, and a changed folder without another hub's spool."""
        # Plain http goes to an address of this very machine, whatever it is called.
        plain = self.url.startswith("http://")
        wanted = {**config, "url": self.url, "ca": str(self.ca) if self.ca else None, "insecure": plain}
        # Older files name the spool; a data folder's own is never elsewhere, but the file may be a copy of another's.
        if Path(str(config.get("spool"))).parts[-2:] == ("agent", "spool"):
            del wanted["spool"]
        if wanted != config:
            fresh = self.config.with_suffix(".new")
            fresh.touch(mode=0o600)
            fresh.write_text(json.dumps(wanted), encoding="utf-8")
            fresh.replace(self.config)

    def _enrol(self) -> bool:
        token = make_enrolment(Team.objects.order_by("pk")[0], "this machine", hours=0.1)
        words = self._words("enrol", "--url", self.url)
        if self.ca:
            words += ["--ca", str(self.ca)]
        if self.url.startswith("http://"):
            words.append("--insecure")  # it never leaves this machine
        done = subprocess.run(  # noqa: S603 - our own words, no shell
            words, cwd=place.ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            env={**self._env(), "WATCHKEEPER_TOKEN": token}, timeout=60, check=False,
        )  # fmt: skip
        if done.returncode:
            lines = (done.stderr or done.stdout).strip().splitlines()
            return self._failed(lines[-1] if lines else "its agent gave no reason")
        return True

    def _words(self, command: str, *more: str) -> list[str]:
        return [sys.executable, "-m", "watchkeeper_agent", command, "--config", str(self.config), *more]

    def _env(self) -> dict[str, str]:
        """What the agent needs and nothing of the product's secrets."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TZ") if name in os.environ}
        # One heap for all of its threads: half a MiB less.
        return {**kept, "PYTHONPATH": str(place.ROOT / "agent"), "MALLOC_ARENA_MAX": "1"}
