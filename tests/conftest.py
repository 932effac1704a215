"""What all tests share: a team, people, a server that reports through the real door, and the time."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.db import connection
from django.test import Client, TransactionTestCase
from hypothesis import HealthCheck, settings

from accounts import narrow, refusals, second_factor, tally
from accounts.models import Membership, Team, User
from accounts.services import make_token
from core import clock
from dashboards.fleet.history import lately
from ingest import writer
from metrics.inside import allowance
from metrics.latest import latest
from metrics.layouts import layouts
from metrics.models import JournalRow
from metrics.names import layout_hash
from metrics.ready import ready
from servers.auth import enrol, keyring
from servers.models import Server
from servers.services import make_enrolment, orders, watch
from tests import workers
from tests.product import made_sqlite
from tests.services import made_postgres

Post = dict[str, Any]

# Rows that migrating makes and nobody changes.
OF_MIGRATIONS = {"django_content_type", "auth_permission"}

# How long a computer takes to think of an example says how busy it is, and nothing of what is tested.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Each worker begins with a copy of one migrated database: migrating takes each of them seconds."""
    if connection.vendor == "postgresql":
        if workers.worker():
            with django_db_blocker.unblock():
                url = made_postgres(os.environ["DATABASE_URL"])
            connection.settings_dict["TEST"]["TEMPLATE"] = urlsplit(url).path[1:]
        return
    # A file as in the product: threads wait for each other, where in shared memory "table is locked" meets them.
    file = tmp_path_factory.mktemp("database") / "tests.sqlite3"
    connection.settings_dict["TEST"]["NAME"] = str(file)
    options = connection.settings_dict["OPTIONS"]
    options["init_command"] = options["init_command"].replace("synchronous=FULL", "synchronous=OFF")

    def copied(*_: object) -> str:
        shutil.copyfile(made_sqlite(), file)
        return str(file)

    connection.creation._create_test_db = copied  # type: ignore[attr-defined]  # no templates here


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """SQLite is emptied between tests by DELETE, which the guard of the audit trail refuses.

    PostgreSQL drops no database that a thread of the last test, which is just ending, still holds.
    """
    with django_db_blocker.unblock():
        if connection.vendor == "sqlite":
            connection.cursor().execute("DROP TRIGGER IF EXISTS audit_kept")
    yield
    if connection.vendor == "postgresql":
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            ours = "datname = current_database() AND pid <> pg_backend_pid()"
            cursor.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {ours}")  # noqa: S608 - our own names


@pytest.fixture(scope="session", autouse=True)
def _quick_emptying() -> Iterator[None]:
    """After a test that commits its rows go, and nothing else: Django cuts PostgreSQL's files and migrates anew."""
    made: list[str] = []

    def delete() -> list[str]:
        if not made:
            tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
            names = [connection.ops.quote_name(table) for table in tables if table not in OF_MIGRATIONS]
            made.extend(f"DELETE FROM {name};" for name in names)  # noqa: S608 - our own names
            if connection.vendor == "postgresql":  # its guards and foreign keys, too, would look at every row
                unguarded = " ".join(["SET LOCAL session_replication_role = replica;", *made])
                made[:] = [unguarded if may_all() else f"TRUNCATE {', '.join(names)};"]
        return made

    def empty(case: TransactionTestCase) -> None:
        connection.ops.execute_sql_flush(delete())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", empty)
        yield


def may_all() -> bool:
    """Whether PostgreSQL lets these tests do everything, as the one they start does."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        return bool(cursor.fetchone()[0])


@pytest.fixture(scope="session", autouse=True)
def _quick_passwords() -> Iterator[None]:
    """Argon2 as ever, at a hundredth of its work: it is dear on purpose, and every test with people pays it."""
    with pytest.MonkeyPatch.context() as patch:
        for name, little in {"time_cost": 1, "memory_cost": 64, "parallelism": 1}.items():
            patch.setattr(Argon2PasswordHasher, name, little)
        yield


@pytest.fixture(autouse=True)
def _fresh_memory(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a process holds in memory must not outlive a test's rows, nor write more of them once they are emptied."""
    if request.node.get_closest_marker("django_db") or {"db", "transactional_db"} & {*request.fixturenames}:
        request.getfixturevalue("_django_db_helper")  # set up before us, so ended after us
        assert not JournalRow.objects.exists(), "a test before wrote past its transaction, in another thread"
    yield
    writer.stop()
    narrow.forget()
    lately.kept.clear()
    latest.rows.clear()
    latest.dirty.clear()
    latest.own.clear()
    latest.own_columns.clear()
    allowance.__init__()  # type: ignore[misc]
    layouts.__init__()  # type: ignore[misc]
    ready.clear()
    keyring.__init__()  # type: ignore[misc]
    tally.strangers.__init__()  # type: ignore[misc]
    refusals.recent.seen.clear()
    watch.__init__()  # type: ignore[misc]
    orders.board.__init__()  # type: ignore[misc]
    second_factor.asking.forget()


@pytest.fixture
def team(db: None) -> Team:
    return Team.objects.create(name="Main")


@pytest.fixture
def other_team(db: None) -> Team:
    return Team.objects.create(name="Strangers")


@pytest.fixture
def person(team: Team) -> Callable[..., User]:
    """Make somebody with a role in a team."""

    def make(role: str = "admin", of: Team | None = None, **fields: Any) -> User:
        count = User.objects.count()
        user = User.objects.create_user(f"{role}{count}@example.org", "correct horse battery", **fields)
        Membership.objects.create(team=of or team, user=user, role=role)
        return user

    return make


@pytest.fixture
def api(person: Callable[..., User]) -> Callable[..., Client]:
    """A client that speaks with an API token."""

    def make(user: User | None = None, scopes: list[str] | None = None) -> Client:
        token = make_token(user or person(), "test", scopes or ["all"])
        return Client(headers={"authorization": f"Bearer {token}"})

    return make


class Machine:
    """An enrolled machine that posts through the ingest door's twin."""

    def __init__(self, team: Team, name: str = "web-1") -> None:
        made = enrol(make_enrolment(team, name), name, f"print of {name}", {})
        self.server: Server = made.server
        self.key = made.key
        self.client = Client(headers={"authorization": f"Bearer {made.key}"})
        self.seq = 0

    def post(self, body: Post | bytes, **headers: str) -> Any:
        return self.client.post("/api/v1/ingest", body, content_type="application/json", headers=headers)

    def report(self, at: float | None = None, *, boot: str = "b1", **values: float | None) -> Any:
        """One row of these values now, or at that time."""
        columns = list(values)
        self.seq += 1
        row = [time.time() if at is None else at, *values.values()]
        return self.post(
            {
                "boot": boot, "seq": self.seq, "layout": layout_hash(columns), "columns": columns, "rows": [row],
            }
        )  # fmt: skip


@pytest.fixture
def machine(team: Team, transactional_db: None) -> Iterator[Callable[..., Machine]]:
    def make(name: str = "web-1", of: Team | None = None) -> Machine:
        return Machine(of or team, name)

    yield make
    writer.stop()


@pytest.fixture
def now() -> float:
    return clock.milliseconds() / 1000
