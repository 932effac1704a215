"""Pytest plugin: PostgreSQL, Redis and Chromium for the tests that need them.

Found where the environment names them (TEST_DATABASE_URL, TEST_REDIS_URL), else started from installed
programs in a temporary folder, else installed where that is allowed. What is not to be had stands in one
loud list at the end; with CI=true it is a failure. Loaded with `-p tests.services`, because the settings
are imported before any conftest.
"""

from __future__ import annotations

import atexit
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn
from urllib.parse import urlsplit

import pytest

from monitor.launch import place, tether
from tests import workers

NOT_HERE = "not run here because "
NO_POSTGRES = "TESTS_NO_POSTGRES"  # why not, found out once for all workers
# Of these no test asks Django's database: with --db-only they are not even read.
ASK_NOTHING = ("tests/agent", "tests/e2e", "tests/test_house.py")
OURS = ("WATCHKEEPER_", "DATABASE_URL", "REDIS_URL", "METRIC_STORE", "EMAIL_URL")


class NotHere(Exception):
    """A service that this machine does not have and cannot get."""


class Services:
    """Starts each service at most once and ends by id what it started."""

    def __init__(self) -> None:
        self.stack = ExitStack()
        self.folder: Path | None = None

    def place(self) -> Path:
        if self.folder is None:
            self.folder = Path(tempfile.mkdtemp(prefix="watchkeeper-tests-", dir=os.environ.get(workers.FOLDER)))
            self.folder.chmod(0o711)  # PostgreSQL's own user must pass through
            self.stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
        return self.folder

    def start(
        self, words: list[str], *, user: str | None = None, stop: int = signal.SIGTERM
    ) -> subprocess.Popen[bytes]:
        log = (self.place() / f"{Path(words[0]).name}.log").open("ab")
        child = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, **_as(user)
        )
        log.close()
        self.stack.callback(_end, child, stop)
        return child

    @cache  # noqa: B019 - one instance a process
    def postgres(self) -> str:
        """The address of a PostgreSQL server's database for tests, started when need be."""
        given = os.environ.get("TEST_DATABASE_URL")
        if given:
            if not workers.worker():
                for kind in ("site", "made"):
                    self.stack.callback(_drop, shared_url(given, kind))
            return given
        if NO_POSTGRES in os.environ:
            raise NotHere(os.environ[NO_POSTGRES])
        programs = _postgres_programs()
        if programs is None:
            _install("postgresql")
            programs = _postgres_programs()
        if programs is None:
            raise NotHere("PostgreSQL is missing (on Debian and Ubuntu: apt install postgresql)")
        return self._start_postgres(programs)

    def _start_postgres(self, programs: Path) -> str:
        user, data, port = _other_user(), self.place() / "postgres", free_port()
        data.mkdir(mode=0o700)
        if user:
            shutil.chown(data, user)
        made = subprocess.run(
            [
                programs / "initdb",
                "-D",
                data,
                "-U",
                "postgres",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C",
                "--no-sync",
            ],
            capture_output=True,
            check=False,
            cwd=data,
            **_as(user),
        )
        if made.returncode:
            raise NotHere(f"PostgreSQL could not be set up ({made.stderr.decode(errors='replace').strip()[-200:]})")
        # Tests kill our processes, never the machine: what the kernel holds is as good as written.
        fast = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200")
        words = [str(programs / "postgres"), "-D", str(data), "-p", str(port), "-h", "127.0.0.1", "-k", str(data)]
        child = self.start(
            [*words, *(part for option in fast for part in ("-c", option))], user=user, stop=signal.SIGINT
        )
        url = f"postgres://postgres@127.0.0.1:{port}/watchkeeper"
        _await(child, lambda: _create(url), "PostgreSQL")
        return url

    def share(self) -> None:
        """Once for all workers of a run, which are told by the environment; a Redis each starts for itself."""
        os.environ[workers.FOLDER] = str(self.place())
        try:
            os.environ["TEST_DATABASE_URL"] = self.postgres()
        except NotHere as missing:
            os.environ[NO_POSTGRES] = str(missing)

    @cache  # noqa: B019 - one instance a process
    def redis(self) -> str:
        """The address of a Redis server for tests, started when need be."""
        given = os.environ.get("TEST_REDIS_URL")
        if given:
            return urlsplit(given)._replace(path=f"/{workers.worker().removeprefix('gw') or 0}").geturl()
        if not shutil.which("redis-server"):
            _install("redis-server")
        program = shutil.which("redis-server")
        if program is None:
            raise NotHere("Redis is missing (on Debian and Ubuntu: apt install redis-server)")
        port = free_port()
        words = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        child = self.start(tether.words(*words, "--dir", str(self.place())))
        _await(child, lambda: socket.create_connection(("127.0.0.1", port), 1).close(), "Redis")
        return f"redis://127.0.0.1:{port}/0"

    @cache  # noqa: B019 - one instance a process
    def chromium(self) -> str:
        """The path of a Chromium, installed when need be."""
        for attempt in (1, 2):
            for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"):
                if found := shutil.which(name):
                    return found
            if attempt == 1:
                _install("chromium")
        raise NotHere("Chromium is missing (on Debian and Ubuntu: apt install chromium)")

    def close(self) -> None:
        self.stack.close()


running = Services()
atexit.register(running.close)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def need(start: Callable[[], str]) -> str:
    """A service, or the reason why this test cannot run here."""
    try:
        return start()
    except NotHere as missing:
        not_here(str(missing))


def not_here(reason: str) -> NoReturn:
    """Skip, loudly; where everything must be there (CI) fail."""
    if os.environ.get("CI") == "true":
        pytest.fail(NOT_HERE + reason, pytrace=False)
    pytest.skip(NOT_HERE + reason)


@pytest.fixture(scope="session")
def postgres_url() -> str:
    return need(running.postgres)


@pytest.fixture
def fresh_postgres(postgres_url: str) -> Iterator[str]:
    """The address of an empty database that no other test sees."""
    base, _, _ = postgres_url.rpartition("/")
    url = f"{base}/watchkeeper_{secrets.token_hex(4)}"
    _create(url)
    yield url
    _drop(url)


@pytest.fixture
def site_postgres(postgres_url: str) -> Iterator[str]:
    with a_site(postgres_url) as url:
        yield url


@contextmanager
def a_site(postgres_url: str) -> Iterator[str]:
    """A database of its own that is migrated and has its first admin, as `up` leaves one."""
    from tests.product import Product, make_site

    base, _, _ = postgres_url.rpartition("/")
    url, site = f"{base}/watchkeeper_{secrets.token_hex(4)}", shared_url(postgres_url, "site")
    with workers.once("site") as first:
        if first:
            _copy(made_postgres(postgres_url), site)
            make_site(Product(running.place() / "site", DATABASE_URL=site))
        _copy(site, url)
    yield url
    _drop(url)


def made_postgres(postgres_url: str) -> str:
    """A migrated database without any people, made once in a run: making one takes seconds."""
    from tests.product import Product

    url = shared_url(postgres_url, "made")
    with workers.once("made-postgres") as first:
        if first:
            _create(url)
            Product(running.place() / "made-postgres", DATABASE_URL=url).manage("migrate", "--no-input", "-v", "0")
    return url


def shared_url(postgres_url: str, kind: str) -> str:
    """A database that this run makes once and copies."""
    base, _, _ = postgres_url.rpartition("/")
    return f"{base}/{kind}_{Path(os.environ[workers.FOLDER]).name.rpartition('-')[2]}"


@pytest.fixture
def redis_url() -> str:
    return empty_redis()


def empty_redis() -> str:
    """The address of an empty Redis."""
    import redis

    url = need(running.redis)
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return url


@pytest.fixture(scope="session")
def chromium() -> str:
    return need(running.chromium)


@pytest.fixture(scope="session")
def learning() -> None:
    """The packages of the training child."""
    if find_spec("sklearn") is None:
        not_here("the learning packages are missing (./watchkeeper test installs them)")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--db", choices=("sqlite", "postgres"), default="sqlite", help="database of the Django tests")
    parser.addoption("--full", action="store_true", help="also what is marked full: whole matrices")
    parser.addoption("--db-only", action="store_true", help="leave out tests that do not ask Django's database")


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None]:
    """Before the settings are imported: nothing of this shell's own product, and the database asked for."""
    place.keep_compiled(os.environ)
    sys.dont_write_bytecode, sys.pycache_prefix = False, os.environ["PYTHONPYCACHEPREFIX"]
    for name in [name for name in os.environ if name.startswith(OURS)]:
        del os.environ[name]
    os.environ["WATCHKEEPER_DATA"] = str(running.place() / "data")
    signal.signal(signal.SIGTERM, _terminated)
    if early_config.known_args_namespace.numprocesses and not workers.worker():
        running.share()
    os.environ.setdefault(workers.FOLDER, str(running.place()))
    if early_config.known_args_namespace.db == "postgres":
        try:
            os.environ["DATABASE_URL"] = running.postgres()
        except NotHere as missing:
            raise pytest.UsageError(f"These tests are {NOT_HERE}{missing}") from missing
    return (yield)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    left_out = config.getoption("db_only") and str(collection_path).endswith(ASK_NOTHING)
    return True if left_out else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Left out: whole matrices without --full; with --db-only what another database makes no difference to."""
    if not config.getoption("full"):
        left_out = [item for item in items if item.get_closest_marker("full")]
        items[:] = [item for item in items if not item.get_closest_marker("full")]
        config.hook.pytest_deselected(items=left_out)
    if config.getoption("db_only"):
        left_out = [item for item in items if not _asks_database(item)]
        items[:] = [item for item in items if _asks_database(item)]
        config.hook.pytest_deselected(items=left_out)


def _asks_database(item: pytest.Item) -> bool:
    fixtures = getattr(item, "fixturenames", ())
    return item.get_closest_marker("django_db") is not None or not {"db", "transactional_db"}.isdisjoint(fixtures)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One loud list of what was left out and why."""
    reasons: dict[str, int] = {}
    for report in terminalreporter.stats.get("skipped", []):
        _, found, reason = str(report.longrepr[2]).partition(NOT_HERE)
        if found:
            reasons[reason] = reasons.get(reason, 0) + 1
    if reasons:
        terminalreporter.section("NOT RUN HERE", sep="!", red=True, bold=True)
        for reason, count in sorted(reasons.items()):
            terminalreporter.line(f"{count} tests {NOT_HERE}{reason}", red=True)


def pytest_unconfigure() -> None:
    running.close()


def _terminated(signum: int, frame: FrameType | None) -> None:
    # Like Ctrl-C, so that everything started is ended on the way out.
    raise KeyboardInterrupt


def _end(child: subprocess.Popen[bytes], first: int) -> None:
    child.send_signal(first)
    try:
        child.wait(10)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _await(child: subprocess.Popen[bytes], ask: Callable[[], None], what: str) -> None:
    """Ask until it answers; a server that ended or never answers is not there."""
    error: Exception | None = None
    for _ in range(300):
        if child.poll() is not None:
            break
        try:
            return ask()
        except Exception as caught:  # noqa: BLE001 - whatever a server says while it starts
            error = caught
            time.sleep(0.1)
    raise NotHere(f"{what} did not start ({error or 'it ended at once'})")


def _create(url: str) -> None:
    _maintain(url, "CREATE DATABASE {}")


def _copy(url: str, to: str) -> None:
    _maintain(to, "CREATE DATABASE {} TEMPLATE {}", urlsplit(url).path[1:])


def _drop(url: str) -> None:
    _maintain(url, "DROP DATABASE IF EXISTS {} WITH (FORCE)")


def _maintain(url: str, statement: str, *names: str) -> None:
    """A statement about the database that the address names, and others."""
    from psycopg2 import sql

    with _cursor(urlsplit(url)._replace(path="/postgres").geturl()) as cursor:
        cursor.execute(sql.SQL(statement).format(*map(sql.Identifier, (urlsplit(url).path[1:], *names))))


def is_empty(url: str) -> bool:
    """Whether nothing was ever made in this database."""
    with _cursor(url) as cursor:
        cursor.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        return bool(cursor.fetchone()[0] == 0)


@contextmanager
def _cursor(url: str) -> Iterator[Any]:
    import psycopg2

    connection = psycopg2.connect(url)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()


def _postgres_programs() -> Path | None:
    """The newest installed; Debian keeps them off the PATH."""
    folders = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name), reverse=True
    )
    if named := shutil.which("initdb"):
        folders.append(Path(named).resolve().parent)
    return next((path for path in folders if (path / "initdb").exists() and (path / "postgres").exists()), None)


def _other_user() -> str | None:
    """PostgreSQL refuses to run as root: its own user, else nobody."""
    if os.geteuid() != 0:
        return None
    import pwd

    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _as(user: str | None) -> dict[str, Any]:
    if user is None:
        return {}
    import pwd

    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}


@cache
def _install(package: str) -> None:
    """By apt where we may; a failure is told by whoever looks for the program next."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for words in (["update"], ["install", "-y", "--no-install-recommends", package]):
        subprocess.run(["apt-get", "-qq", *words], env=env, capture_output=True, timeout=300, check=False)
