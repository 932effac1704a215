"""The agent of this very machine: enrolled through the real door, kept running beside the product."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection

from accounts.models import Team
from monitor.kept import Kept
from monitor.launch import place
from servers.models import Server
from servers.services import make_enrolment

SOONEST, LATEST = 5.0, 600.0  # seconds before an enrolment that failed is tried again


class OwnAgent:
    """Enrolled when need be and then kept running, all on one thread."""

    def __init__(self, data: Path, url: str, ca: Path | None, say: Callable[[str], None]) -> None:
        self.config = data / "agent" / "agent.json"
        self.url, self.ca, self.say = url, ca, say
        self.told = ""
        self.kept = Kept(self._words("run", "--with-parent"), log=data / "logs" / "agent.log", env=self._env())

    def start(self) -> None:
        threading.Thread(target=self._run, name="own-agent", daemon=True).start()

    def _run(self) -> None:
        pause = SOONEST
        while not self._enrolled():
            if self.kept.ended.wait(pause):
                return
            pause = min(pause * 2, LATEST)
        self.say("This machine is being watched.")
        self.kept.run()

    def _enrolled(self) -> bool:
        """Whether there is a valid enrolment now; a first or lost one is made through the door."""
        try:
            if self._known():
                return True
            return self._enrol()
        except subprocess.TimeoutExpired:
            return self._failed("its agent did not end in time")
        except (OSError, DatabaseError) as error:
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
            if not Server.objects.filter(uuid=config["server"]).exists():
                return False
        except (OSError, ValueError, KeyError, TypeError, ValidationError):
            return False
        self._move(config)
        return True

    def _move(self, config: dict[str, object]) -> None:
        """Follow a changed address without a new key."""
        # Plain http goes to an address of this very machine, whatever it is called.
        plain = self.url.startswith("http://")
        wanted = {**config, "url": self.url, "ca": str(self.ca) if self.ca else None, "insecure": plain}
        if wanted != config:
            fresh = self.config.with_suffix(".new")
            fresh.touch(mode=0o600)
            fresh.write_text(json.dumps(wanted), encoding="utf-8")
            fresh.replace(self.config)

    def _enrol(self) -> bool:
        token = make_enrolment(Team.objects.order_by("pk")[0], "this machine", hours=0.1)
        words = self._words("enrol", "--url", self.url, "--token", token)
        if self.ca:
            words += ["--ca", str(self.ca)]
        if self.url.startswith("http://"):
            words.append("--insecure")  # it never leaves this machine
        done = subprocess.run(  # noqa: S603 - our own words, no shell
            words, cwd=place.ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=self._env(),
            timeout=60, check=False,
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
