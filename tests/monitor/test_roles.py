"""The roles of several processes: what they refuse to start on, and that they end when a part of them has."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import psycopg2
import pytest

from metrics.journal import Counters
from monitor import env, health, run, settings
from monitor.background import Beat
from monitor.parts import Parts
from tests.conftest import Machine

EVERYWHERE = "0.0.0.0"  # noqa: S104 - written into a setting, not bound
BOTH = {"DATABASE_URL": "postgres://u@127.0.0.1:1/w", "REDIS_URL": "redis://127.0.0.1:1/0"}


@pytest.mark.parametrize(
    ("more", "starts"),
    [
        ({}, True),
        ({"WATCHKEEPER_HOST": EVERYWHERE}, False),
        ({"WATCHKEEPER_HOST": EVERYWHERE, "WATCHKEEPER_URL": "https://watch.example.org"}, False),
        ({"WATCHKEEPER_HOST": EVERYWHERE, "WATCHKEEPER_TLS": "off"}, True),
        ({"WATCHKEEPER_HOST": EVERYWHERE, "WATCHKEEPER_TRUSTED_PROXIES": "10.0.0.5"}, True),
    ],
)
def test_a_web_without_a_certificate_does_not_pass_for_a_secure_one(
    more: dict[str, str], starts: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {**BOTH, **more}.items():
        monkeypatch.setenv(name, value)
    for role in run.ROLES:
        monkeypatch.setattr(run, role, lambda _environment: 0)
    here = env.read({**BOTH, **more})
    monkeypatch.setattr(env, "read", lambda: here)
    assert run.main(["worker"]) == 0, "only the web is reached from outside"
    assert run.main(["web"]) == (0 if starts else 2)
    assert ("WATCHKEEPER_TLS=off" in capsys.readouterr().err) != starts


def test_a_store_that_is_not_built_in_is_refused_without_repeating_its_password() -> None:
    with pytest.raises(env.Wrong, match="not built into this version yet") as refused:
        env.read({"METRIC_STORE": "promql+http://user:hush@db:8428"})
    assert "hush" not in str(refused.value)


def test_a_role_ends_with_a_status_of_its_own_when_a_part_has_ended(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "LOOK_EVERY", 0.01)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    parts = Parts()
    parts._start(threading.Thread(target=int, name="celery-consumer"), lambda: None)
    assert run._stay(parts) == 1
    assert "celery-consumer has ended" in capsys.readouterr().err


def test_every_part_is_stopped_whatever_the_others_say() -> None:
    stopped: list[str] = []

    def fail() -> None:
        raise KeyError("odd")

    parts = Parts()
    parts._keep("first", lambda: stopped.append("first"))
    parts._keep("second", fail)
    parts.stop()
    assert stopped == ["first"]


@pytest.mark.django_db(transaction=True)
def test_beat_outlives_a_row_that_breaks_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.background.LOOK_EVERY", 0.01)
    beat, ticks = Beat(), []

    def tick() -> float:
        ticks.append(1)
        raise ValueError("a crontab of nonsense")

    monkeypatch.setattr(beat.service.scheduler, "tick", tick)
    beat.start()
    time.sleep(0.3)
    assert beat.is_alive()
    assert len(ticks) > 1
    beat.end(5)


def test_a_database_that_vanished_holds_no_thread_for_hours(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = env.read({"DATABASE_URL": f"{postgres_url}?application_name=mine"})
    monkeypatch.setattr(settings, "ENV", here)
    options = settings._database()["OPTIONS"]
    connection = psycopg2.connect(postgres_url, **options)
    try:
        said = connection.info.dsn_parameters
    finally:
        connection.close()
    wanted = {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3, "tcp_user_timeout": 10_000}
    assert {name: int(said[name]) for name in wanted} == wanted
    assert said["application_name"] == "mine"


@pytest.mark.django_db(transaction=True)
def test_readiness_fails_while_the_last_commit_failed(
    machine: Callable[..., Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise OSError("no space left")

    one = machine()
    assert one.report(load1=1).status_code == 200
    assert health._writer() == ""
    with monkeypatch.context() as away:
        away.setattr("metrics.journal._insert", broken)
        assert one.report(load1=2).status_code == 503
    assert health._writer() == "the last commit failed"
    assert one.report(load1=3).status_code == 200
    assert health._writer() == ""


def test_a_failure_long_ago_does_not_keep_senders_away() -> None:
    counters = Counters(failed_at=time.monotonic())
    counters.moved_at = counters.failed_at - 100
    assert counters.last_failed(30)
    counters.failed_at -= 31
    assert not counters.last_failed(30)
