"""The real product for flow tests: started, asked, stopped and killed as a person or a power cut would."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

from monitor.launch import tether
from tests import workers
from tests.services import OURS, free_port, is_empty
from tests.sinks import MailSink, WebhookSink

__all__ = ["MailSink", "Product", "Reply", "ScaleOut", "WebhookSink", "room", "slow", "until"]

ROOT = Path(__file__).resolve().parents[1]
T = TypeVar("T")
EMAIL = "admin@localhost"
SUM_S = 0.005  # of processor time, for the sum in `slow`
NOT_PASSED_ON = (*OURS, "DJANGO_", "PYTEST_")
MAKE_SITE = """
from django.core.management import call_command
from accounts.services import ensure_site
call_command("migrate", interactive=False, verbosity=0)
ensure_site({email!r}, {password!r})
"""


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def until(ask: Callable[[], Any], seconds: float = 20, what: str = "it") -> Any:
    """Ask until the answer is true, and give it; the assertion says what never came."""
    end = time.monotonic() + seconds
    while not (answer := ask()):
        assert time.monotonic() < end, f"{what} did not happen within {seconds} s"
        time.sleep(0.05)
    return answer


def slow() -> float:
    """How many times as long this computer works as the one on which the bars were set."""
    began = time.thread_time()
    sum(number * number for number in range(100_000))
    return max(1.0, (time.thread_time() - began) / SUM_S)


def room() -> float:
    """How many times as long something may take here as on that computer while nothing else ran on it."""
    return slow() * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def make_site(product: _Running) -> None:
    """Bring a PostgreSQL database to where `up` leaves it: migrated, with its first admin."""
    product.manage("shell", "-v", "0", "-c", MAKE_SITE.format(email=EMAIL, password="a long password 1"))


def made_sqlite() -> Path:
    """A migrated database without any people, made once in a run: making one takes seconds."""
    folder = Path(os.environ[workers.FOLDER]) / "made"
    with workers.once("made") as first:
        if first:
            Product(folder).manage("migrate", "--no-input", "-v", "0")
    return folder / "watchkeeper.sqlite3"


class _Running:
    """What both profiles have in common: an environment, processes, requests."""

    def __init__(self, folder: Path, port: int | None = None, **environment: str) -> None:
        self.folder, self.port = folder, port or free_port()
        clean = {name: value for name, value in os.environ.items() if not name.startswith(NOT_PASSED_ON)}
        own = {"WATCHKEEPER_DATA": str(folder), "WATCHKEEPER_PORT": str(self.port), "PYTHONUNBUFFERED": "1"}
        self.environment = {**clean, **own, **environment}
        self.children: list[subprocess.Popen[bytes]] = []
        self.log = folder.with_name(f"{folder.name}.log")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.kill()

    def start(self) -> Self:
        raise AssertionError("each profile starts in its own way")

    @property
    def url(self) -> str:
        """Where we are reached from this machine."""
        given = self.environment.get("WATCHKEEPER_HOST", "127.0.0.1")
        host = "127.0.0.1" if given in {"0.0.0.0", "::"} else given  # noqa: S104 - compared, not bound
        tls = self.environment.get("WATCHKEEPER_TLS", "auto")
        secure = tls not in {"auto", "off"} or (tls == "auto" and given not in {"127.0.0.1", "localhost", "::1"})
        return f"{'https' if secure else 'http'}://{host}:{self.port}"

    @property
    def ca(self) -> Path:
        return self.folder / "tls" / "ca.pem"

    def output(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def spawn(self, *words: str) -> subprocess.Popen[bytes]:
        """Start a process of the product in a group of its own, its output in the log; it does not outlive us."""
        with self.log.open("ab") as out:
            child = subprocess.Popen(
                tether.words(*words), cwd=ROOT, env=self.environment, stdin=subprocess.DEVNULL,
                stdout=out, stderr=out, start_new_session=True,
            )  # fmt: skip
        self.children.append(child)
        return child

    def wait_ready(self, seconds: float = 60) -> Self:
        end = time.monotonic() + seconds
        while not self.is_ready():
            dead = [(child.args, child.returncode) for child in self.children if child.poll() is not None]
            if dead or time.monotonic() > end:
                raise AssertionError(f"not ready, {dead or self.port}:\n{self.output()[-4000:]}")
            time.sleep(0.05)
        return self

    def is_ready(self) -> bool:
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.request("GET", "/readyz", timeout=5).status == 200
        return False

    def kill(self) -> None:
        """Power off: every process of ours at once, whatever it is doing."""
        for child in self.children:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
        for child in self.children:
            child.wait()
        self.children.clear()

    def stop(self) -> float:
        """Ask politely; gives the seconds it took and insists on a clean exit."""
        started = time.monotonic()
        for child in self.children:
            child.send_signal(signal.SIGTERM)
        codes = [child.wait(20) for child in self.children]
        taken = time.monotonic() - started
        self.kill()
        assert all(code in {0, -signal.SIGTERM, 143} for code in codes), f"{codes}\n{self.output()[-3000:]}"
        return taken

    def manage(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments], cwd=ROOT, env=self.environment, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=240, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def inside(self, work: Callable[[], T]) -> T:
        """Work of our services on the product's database: a `manage` for each piece takes seconds.

        On a thread of its own: connections belong to threads, and no browser's event loop runs there.
        """
        from django.db import connections
        from django.db.utils import load_backend

        url = urlsplit(self.environment.get("DATABASE_URL", ""))
        named: dict[str, Any] = {"ENGINE": "django.db.backends.postgresql", "NAME": url.path[1:]}
        named |= {"USER": url.username, "PASSWORD": url.password, "HOST": url.hostname, "PORT": url.port}
        if not url.scheme:
            # As the product does it: whoever reads first and then writes would be refused while others write.
            options = {"transaction_mode": "IMMEDIATE", "timeout": 30}
            file = str(self.folder / "watchkeeper.sqlite3")
            named = {"ENGINE": "django.db.backends.sqlite3", "NAME": file, "OPTIONS": options}

        def there() -> T:
            complete = connections.configure_settings({"default": named})["default"]
            theirs = connections["default"] = load_backend(complete["ENGINE"]).DatabaseWrapper(complete, "default")
            theirs.ensure_connection = lambda: None  # pytest-django guards the tests' own database, not this one
            theirs.connect()
            try:
                return work()
            finally:
                theirs.close()

        with ThreadPoolExecutor(1) as thread:
            return thread.submit(there).result()

    def api_token(self, email: str = EMAIL, name: str = "tests", scopes: str = "all") -> str:
        if not workers.running():  # a bench: Django is not set up there
            return self.manage("api_token", "--email", email, "--name", name, "--scopes", scopes)
        from accounts.models import User
        from accounts.services import make_token

        return self.inside(lambda: make_token(User.objects.get(email=email), name, scopes.split(",")))

    def enrol_token(self, name: str = "web-1") -> str:
        if not workers.running():
            return self.manage("enrol_token", "--name", name)
        from accounts.models import Team
        from servers.services import make_enrolment

        return self.inside(lambda: make_enrolment(Team.objects.get(), name))

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: Mapping[str, str] | None = None,
        token: str | None = None,
        timeout: float = 20,
    ) -> Reply:
        """One request; a body that is not bytes goes as JSON."""
        sent = {"Connection": "close", **(headers or {})}
        if token:
            sent["Authorization"] = f"Bearer {token}"
        if body is not None and not isinstance(body, bytes):
            body, sent["Content-Type"] = json.dumps(body).encode(), "application/json"
        connection = self._connect(timeout)
        try:
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            return Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def _connect(self, timeout: float) -> http.client.HTTPConnection:
        parts = urlsplit(self.url)
        if parts.scheme == "http":
            return http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=timeout)
        if not self.ca.exists():
            raise ConnectionRefusedError("no certificate yet")
        context = ssl.create_default_context(cafile=str(self.ca))
        return http.client.HTTPSConnection(str(parts.hostname), parts.port, timeout=timeout, context=context)

    def enrol(self, name: str = "web-1") -> tuple[str, str]:
        """A machine that never was: its server's id and its key."""
        body = {"token": self.enrol_token(name), "hostname": name, "fingerprint": f"print-of-{name}", "facts": {}}
        reply = self.request("POST", "/api/v1/enrol", body)
        assert reply.status == 201, reply.body
        return reply.json()["server"], reply.json()["key"]


class Product(_Running):
    """`up`, in one process. `launcher=True` goes through ./watchkeeper as a person does."""

    def __init__(self, folder: Path, port: int | None = None, *, launcher: bool = False, **environment: str) -> None:
        super().__init__(folder, port, **environment)
        self.bare = launcher or "DATABASE_URL" in environment or not workers.running()
        self.words = [str(ROOT / "watchkeeper"), "up"] if launcher else [sys.executable, "-m", "monitor.up"]

    def start(self) -> Self:
        if not (self.bare or self.folder.exists()):
            self.folder.mkdir(mode=0o700)
            shutil.copyfile(made_sqlite(), self.folder / "watchkeeper.sqlite3")
        self.spawn(*self.words, "--no-learning")
        return self.wait_ready()

    def wait_watched(self, seconds: float = 30) -> Self:
        until(lambda: "This machine is being watched." in self.output(), seconds, "watching this machine")
        return self

    def refused(self, seconds: float = 30) -> tuple[int, str]:
        """Start what must not start: its exit status and what it said."""
        before = len(self.output())
        child = self.spawn(*self.words, "--no-learning")
        code = child.wait(seconds)
        self.children.remove(child)
        return code, self.output()[before:]

    @property
    def password(self) -> str:
        found = re.search(r"Password\s+(\S+)", self.output())
        assert found, self.output()
        return found[1]


class ScaleOut(_Running):
    """The roles as separate processes on PostgreSQL and Redis."""

    def __init__(self, folder: Path, database_url: str, redis_url: str, port: int | None = None, **more: str) -> None:
        super().__init__(folder, port, DATABASE_URL=database_url, REDIS_URL=redis_url, **more)
        self.roles: dict[str, subprocess.Popen[bytes]] = {}

    def prepare(self) -> None:
        """The database and the first admin, as a deployment does once."""
        if is_empty(self.environment["DATABASE_URL"]):
            make_site(self)

    def start(self, *roles: str) -> Self:
        if not self.roles:
            self.prepare()
        for role in roles or ("web", "worker", "beat"):
            self.roles[role] = self.spawn(sys.executable, "-m", "monitor.run", role)
        return self.wait_ready() if self.roles["web"].poll() is None else self

    def kill_role(self, role: str) -> None:
        """Power off one process and only that."""
        child = self.roles[role]
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        self.children.remove(child)
