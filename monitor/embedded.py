"""The product in one process, once the environment is checked and Django is loaded."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

from django.conf import settings
from django.db import connections

from accounts.models import User
from core import tls
from dashboards.services import prepare_site
from monitor import folder, lifespan, loading, upgrade
from monitor.demo.own import DemoFleet
from monitor.env import Environment
from monitor.kept import Kept
from monitor.launch import place, say, tether
from monitor.launch.say import Trouble
from monitor.serve import serve
from monitor.watchself import OwnAgent

Pair = tuple[Path, Path]


def start(environment: Environment, hold: folder.Hold, *, learning: bool, demo: int = 0) -> None:
    """Upgrade, prepare, serve; comes back when everything is stopped."""
    upgrade.bring_up(environment.data, hold)
    with upgrade.reachable():
        admin = FirstAdmin(environment)
        admin.ensure()
    pair, ca = _certificate(environment)
    Product(environment, hold, admin, (pair, ca), demo=demo).serve(learning=learning)


def _certificate(environment: Environment) -> tuple[Pair | None, Path | None]:
    """What our socket shows, and the authority our own agent pins."""
    if not environment.serves_tls:
        return None, None
    if environment.tls != "auto":
        cert, key = (Path(part.strip()) for part in environment.tls.split(","))
        return (cert, key), None
    names = [*(name.strip("[]") for name in settings.ALLOWED_HOSTS), "::1"]
    try:
        made = tls.ensure(environment.data / "tls", names)
    except tls.Broken as broken:
        raise Trouble(str(broken)) from broken
    return (made.cert, made.key), made.ca


class FirstAdmin:
    """The first admin's password, shown once even when the first start is killed before it could be.

    It waits in a file for us alone, from before it is given to the admin until it was shown.
    """

    def __init__(self, environment: Environment) -> None:
        self.email, self.given = environment.admin_email, environment.admin_password
        self.file = environment.data / folder.FIRST_PASSWORD
        self.made = False

    def ensure(self) -> None:
        waiting = self._waiting()
        password = self.given or waiting
        if not (password or User.objects.filter(is_superuser=True).exists()):
            password = "-".join(secrets.token_hex(2) for _ in range(4))
            self._keep(password)
        self.made = prepare_site(self.email, password or None) is not None or bool(waiting)

    def _waiting(self) -> str:
        """A password that nobody has seen yet; an empty file, as a full disk leaves it, holds none."""
        return self.file.read_text(encoding="utf-8").strip() if self.file.exists() else ""

    def _keep(self, password: str) -> None:
        """Whole or not at all, and on the disk before the admin has it."""
        fresh = self.file.with_name(f"{self.file.name}.new")
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            out.write(password)
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(self.file)
        folder.sync(self.file.parent)

    def show(self) -> None:
        if not self.made:
            return
        say.line(f"  Sign in as   {self.email}")
        waiting = "" if self.given else self._waiting()
        if waiting and say.line(f"  Password     {waiting}   (shown only now)"):
            self.file.unlink()


class Product:
    """The running process: what is said when it is ready and what is ended first when it stops."""

    def __init__(
        self,
        environment: Environment,
        hold: folder.Hold,
        admin: FirstAdmin,
        certificate: tuple[Pair | None, Path | None],
        *,
        demo: int = 0,
    ) -> None:
        self.environment, self.hold, self.admin = environment, hold, admin
        self.pair, ca = certificate
        self.introduced = threading.Event()
        self.agent = OwnAgent(environment.data, self._own_url(), ca, self._later)
        self.demo = DemoFleet(environment.data, self._own_url(), ca, self._later, demo)
        # With a broker to share, the slow work leaves this process.
        self.roles = [_role(name) for name in ("worker", "beat") if environment.redis_url]
        self.children = [self.agent.kept, self.demo.kept, *self.roles]

    def serve(self, *, learning: bool) -> None:
        connections.close_all()
        for child in self.children:
            lifespan.at_stop.insert(0, child.stop)
        serve(
            self.environment.host,
            self.environment.port,
            tls=self.pair,
            trusted=list(self.environment.trusted_proxies),
            ready=partial(self._ready, learning=learning),
            stopping=self._stopping,
            connection_cap=self.environment.connection_cap,
        )

    def _ready(self, *, learning: bool) -> None:
        """Everything is started first: nothing that is said may keep it from that."""
        loading.end()
        for role in self.roles:
            threading.Thread(target=role.run, name="role", daemon=True).start()
        self.agent.start()
        self.demo.start()
        if learning:
            threading.Thread(target=_learn, args=(self.environment.data,), name="learning", daemon=True).start()
        try:
            say.line("\nWatchkeeper is ready.\n")
            say.line(f"  Address      {self.environment.url}")
            self.admin.show()
            say.line(f"  Data folder  {self.environment.data}\n")
        finally:
            self.introduced.set()

    def _later(self, text: str) -> None:
        """What the agent's thread has to say comes after our own lines."""
        self.introduced.wait(10)
        say.line(text)

    def _stopping(self) -> None:
        """The end begins: a successor may wait for the folder, and our children say good-bye meanwhile."""
        lifespan.let_go()
        self.hold.stopping()
        for child in self.children:
            child.tell()

    def _own_url(self) -> str:
        """How this machine reaches us: straight, except under a certificate that may hold one name alone."""
        here = self.environment
        if here.serves_tls and here.tls != "auto":
            return here.url
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(here.host, here.host)  # noqa: S104 - compared, not bound
        scheme = "https" if here.serves_tls else "http"
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{here.port}"


def _role(name: str) -> Kept:
    return Kept(tether.words(sys.executable, "-m", "monitor.run", name))


def _learn(data: Path) -> None:
    """Behind the running product; what goes wrong there is only written down, the next start tries again."""
    with (data / "logs" / "learning.log").open("wb") as out:
        subprocess.run(  # noqa: S603 - our own words, no shell
            tether.words(sys.executable, "-m", "monitor.launch.learning"),
            cwd=place.ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=out, check=False,
        )  # fmt: skip
