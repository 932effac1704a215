"""Checks that an agent runs: the order it gets, and how the hub sees what it tells."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from accounts.models import Team
from checks import reported, services
from checks.models import Check, Run
from metrics.store import DatabaseStore
from servers.models import Order

pytestmark = pytest.mark.django_db(transaction=True)


def orders(check: Check) -> list[dict[str, Any]]:
    standing = Order.objects.standing().filter(server=check.server, kind="probes")
    return [order.args for order in standing]


def test_the_agent_gets_one_order_with_all_it_shall_look_at(machine: Any, check: Callable[..., Check]) -> None:
    web = machine("web-1")
    first = check(
        "http", server=web.server, by_agent=True, target="http://10.0.0.5/health", name="inside",
        config={"headers": {"Accept": "text/html"}},
    )  # fmt: skip
    second = check("tcp", server=web.server, by_agent=True, target="127.0.0.1:5432", name="db")
    [args] = orders(first)
    assert [one["name"] for one in args["checks"]] == ["inside", "db"]
    assert args["checks"][0]["config"]["headers"] == {"Accept": "text/html"}
    services.change(second, {"paused": True}, by=None)
    assert [one["name"] for one in orders(first)[0]["checks"]] == ["inside"]
    services.remove(first, by=None)
    assert orders(second) == [{"checks": []}]


def test_a_header_that_proves_who_asks_is_refused_where_an_agent_looks(machine: Any, team: Team) -> None:
    config = {"headers": {"Accept": "text/html", "X-Api-Key": "s3cret"}}
    made = Check(team=team, kind="http", name="in", target="http://10.0.0.5/", config=config, by_agent=True)
    [(field, said)] = services.faults(made)
    assert field == "config.headers"
    assert said.startswith("X-Api-Key proves who asks, and is not sent to an agent.")


def test_what_it_tells_is_how_the_check_stands_and_silence_is_not_down(
    machine: Any, check: Callable[..., Check]
) -> None:
    web = machine("web-1")
    made = check("tcp", server=web.server, by_agent=True, target="127.0.0.1:5432", name="db")
    reported.tick(list(Run.objects.filter(check_ref=made)), datetime.now(UTC))
    run = Run.objects.get(check_ref=made)
    assert (run.state, run.said) == ("new", "Its agent has told nothing of it lately.")
    assert len(Order.objects.filter(kind="probes")) == 1  # it stands: nothing is asked twice
    Order.objects.update(state="done", created_at=datetime.now(UTC) - timedelta(hours=2))
    reported.tick([run], datetime.now(UTC))
    assert Order.objects.standing().filter(kind="probes").count() == 1
    web.report(time.time(), **{'check_up{check="db"}': 0, 'check_response_seconds{check="db"}': 0.02})
    reported.tick([run], datetime.now(UTC))
    run = Run.objects.get(check_ref=made)
    assert (run.state, run.seconds) == ("down", 0.02)
    assert run.due_at is not None
    assert run.due_at > datetime.now(UTC)
    reported.tick([run], datetime.now(UTC) + timedelta(minutes=10))
    assert Run.objects.get(check_ref=made).state == "new"  # what was up or down then is not known now


def test_a_server_is_asked_once_for_all_its_checks_and_before_any_row_is_held(
    machine: Any, check: Callable[..., Check], monkeypatch: pytest.MonkeyPatch
) -> None:
    web = machine("web-1")
    made = [
        check("http", server=web.server, by_agent=True, target="http://10.0.0.5/", name=f"c{number}")
        for number in range(3)
    ]
    told: dict[str, float] = {}
    for number, one in enumerate(made):
        told |= {one.column("check_up"): number % 2, one.column("check_response_seconds"): 0.1 * number}
    web.report(time.time(), **told, **{made[1].column("check_certificate_seconds_left"): 86_400.0})
    asked: list[bool] = []

    def watched(name: str) -> None:
        real = getattr(DatabaseStore, name)

        def ask(*args: Any) -> Any:
            asked.append(connection.in_atomic_block)
            return real(*args)

        monkeypatch.setattr(DatabaseStore, name, ask)

    watched("series")
    watched("range")
    at = datetime.now(UTC)
    reported.tick(list(Run.objects.select_related("check_ref__server")), at)
    assert asked == [False, False]
    runs = list(Run.objects.order_by("pk"))
    assert [(run.state, run.seconds) for run in runs] == [("down", 0.0), ("up", 0.1), ("down", 0.2)]
    assert [run.certificate_ends and (run.certificate_ends - at).days for run in runs] == [None, 0, None]


def test_secret_headers_are_sealed_shown_to_nobody_and_sent(check: Callable[..., Check]) -> None:
    made = check("http", target="https://example.org/", config={"headers": {"X-Api-Key": "s3cret", "Accept": "x"}})
    row = Check.objects.get(pk=made.pk)
    assert row.config["headers"] == {"X-Api-Key": "(kept)", "Accept": "x"}
    assert "s3cret" not in row.secrets
    assert services.task(row).config["headers"] == {"X-Api-Key": "s3cret", "Accept": "x"}
    services.change(row, {"config": {"headers": {"X-Api-Key": "(kept)"}}}, by=None)
    assert services.task(Check.objects.get(pk=made.pk)).config["headers"] == {"X-Api-Key": "s3cret"}
