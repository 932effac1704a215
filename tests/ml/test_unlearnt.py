"""Trouble and planned work are not learnt as what is usual."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from alerts.models import Alert, Rule, Silence
from core.clock import milliseconds, now
from metrics.models import Series
from ml.training import reading
from tests.conftest import Machine

DAY = 86_400_000


@pytest.fixture
def one(machine: Callable[..., Machine]) -> Machine:
    return machine()


def _masked(one: Machine) -> int:
    """Minutes of the last day that are left out."""
    end = milliseconds()
    return int(reading.masked(one.server.pk, np.arange(end - DAY, end, 60_000, dtype=np.int64)).sum())


def _rule(one: Machine) -> Rule:
    return Rule.objects.create(team=one.server.team, name="CPU hot", metric="cpu_used_percent", critical=90)


def _silence(one: Machine, **fields: Any) -> Silence:
    more = {"starts_at": now() - timedelta(hours=5), "ends_at": now() - timedelta(hours=4), **fields}
    return Silence.objects.create(team=one.server.team, reason="new disk", **more)


def test_a_window_over_the_whole_server_is_left_out_and_one_of_a_rule_or_of_others_is_not(one: Machine) -> None:
    assert _masked(one) == 0
    _silence(one, selector="name:somebody-else")
    _silence(one, rule=_rule(one))
    assert _masked(one) == 0
    silence = _silence(one)
    assert 59 <= _masked(one) <= 61
    silence.ended_at = now() - timedelta(hours=4, minutes=30)
    silence.save()
    assert 29 <= _masked(one) <= 31


def test_a_window_of_every_night_is_left_out_each_time(one: Machine) -> None:
    begin = now() - timedelta(hours=30)
    _silence(one, starts_at=begin, ends_at=None, rrule="FREQ=DAILY", duration=1800)
    assert 29 <= _masked(one) <= 31


def test_an_alerts_time_is_left_out_but_not_a_state_that_lasts_nor_what_was_judged_by_learning(one: Machine) -> None:
    rule = _rule(one)
    series = Series.objects.get_or_create(metric="cpu_used_percent", labels="")[0]
    alert = Alert.objects.create(
        rule=rule, server=one.server, series=series, state="resolved", severity="warning", value=99, limit=90,
        since=milliseconds() - DAY // 2, judged=0, resolved_at=now() - timedelta(hours=10),
    )  # fmt: skip
    assert 118 <= _masked(one) <= 122
    alert.resolved_at, alert.state = None, "firing"
    alert.save()
    assert 358 <= _masked(one) <= 362, "six hours of it: then it is how this machine lives"
    alert.state = "pending"
    alert.save()
    assert _masked(one) == 0
    Rule.objects.filter(pk=rule.pk).update(kind="anomaly")
    alert.state = "firing"
    alert.save()
    assert _masked(one) == 0
