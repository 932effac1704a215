"""Report cards: faults are what they are said to be, counts are counted right, and a night writes one card."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from core.clock import milliseconds, now
from ml import card, injected, measuring, pipeline
from ml.model import Model
from ml.models import Card, Watch
from ml.versions import Made, store
from tests.conftest import Machine
from tests.ml.servers import BEGAN, COLUMNS, MINUTE, quiet, tell

Make = Callable[..., Machine]
LEARNED = 6 * 1440


@pytest.fixture(scope="module")
def known() -> tuple[Model, Any, Any]:
    """A model of six days, and the day after."""
    times, values = quiet(7)
    model = pipeline.fit(times[:LEARNED], values[:LEARNED], COLUMNS)
    return model, times[LEARNED:], values[LEARNED:]


@pytest.mark.parametrize("kind", list(injected.SHAPES))
def test_a_fault_lies_where_it_is_said_to_lie_and_nowhere_else(kind: str) -> None:
    _times, values = quiet(1)
    spoiled, events = injected.inject(values, COLUMNS, kind, step_ms=MINUTE, seed=3)
    again, _ = injected.inject(values, COLUMNS, kind, step_ms=MINUTE, seed=3)
    assert np.array_equal(spoiled, again)
    inside = np.zeros(values.shape, np.bool_)
    for event in events:
        assert event.kind == kind
        inside[event.begin : event.end, list(event.guilty)] = True
    assert events
    assert np.array_equal(spoiled[~inside], values[~inside])
    assert (spoiled != values).any()
    assert (spoiled >= 0).all()
    shares = [place for place, column in enumerate(COLUMNS) if "percent" in column]
    assert spoiled[:, shares].max() <= 100


def test_gaps_stay_gaps_and_constant_or_empty_columns_harm_nothing() -> None:
    _times, values = quiet(1)
    values[100:400] = np.nan
    values[:, 3], values[:, 5] = 7.0, np.nan
    for kind in injected.SHAPES:
        spoiled, _ = injected.inject(values, COLUMNS, kind, step_ms=MINUTE, seed=1)
        assert np.array_equal(np.isnan(spoiled), np.isnan(values))


def one(times: Any, rows: list[int], column: int = 0) -> card.Alarms:
    on = np.isin(np.arange(len(times)), rows)
    shares = np.zeros((len(times), len(COLUMNS)))
    shares[:, column] = 1
    return card.Alarms(times, on, np.ones(len(times), np.bool_), shares, COLUMNS)


def test_counts_are_those_of_a_model_that_is_known_to_be_half_right(monkeypatch: pytest.MonkeyPatch) -> None:
    """It finds every second fault, at its third minute, and cries once in the calm rows."""
    times, values = quiet(1)
    monkeypatch.setattr(injected, "SHAPES", {"cpu hog": injected.SHAPES["cpu hog"]})
    monkeypatch.setattr(card, "ROUNDS", 1)
    _, events = injected.inject(values, COLUMNS, "cpu hog", step_ms=MINUTE, seed=0)
    found = [event.begin + 2 for event in events[::2]]

    def judge(rows: Any) -> card.Alarms:
        return one(times, found if rows is not values else [1300], column=0)

    counts = card.measure(judge, times, values, COLUMNS)
    whole = counts["families"]["all"]
    assert (whole["faults"], whole["found"], whole["true"]) == (len(events), len(found), len(found))
    assert (whole["points"], whole["false_points"], whole["calm_episodes"]) == (1440, 1, 1)
    assert set(counts["delays"]) == {120}
    read = card.read(counts)
    assert read["all"]["recall"] == len(found) / len(events)
    assert read["all"]["precision"] == 1
    assert read["all"]["explained"] == 1
    assert [row["family"] for row in read["families"]] == ["cpu"]


def test_blanket_alarms_are_no_better_than_chance_and_may_not_page() -> None:
    times, values = quiet(1)
    counts = card.measure(lambda _rows: one(times, list(range(1440))), times, values, COLUMNS)
    read = card.read(counts)
    assert read["all"]["fpr"] == 1
    assert not read["all"]["pages"]
    assert read["chance"] == pytest.approx(read["all"]["f1"], abs=0.05)


def test_the_products_own_detectors_find_known_faults_on_a_quiet_server(known: tuple[Model, Any, Any]) -> None:
    model, times, values = known
    read = card.read(card.measure(card.judge_of(model, times, 2.0), times, values, COLUMNS))
    assert read["all"]["recall"] > 0.75
    assert read["all"]["fpr"] < 0.05
    assert read["all"]["f1"] > read["chance"] + 0.3
    assert read["all"]["explained"] > 0.9


def test_what_cannot_be_told_is_none_and_cards_add_up() -> None:
    empty = card.read(card.added([]))
    assert empty["all"]["f1"] is empty["all"]["fpr"] is empty["chance"] is empty["delay"] is None
    half = {"families": {"all": {"faults": 4, "found": 2, "true": 2, "false": 2, "points": 10}}, "hours": 5.0}
    twice = card.read(card.added([half, half]))
    assert (twice["all"]["faults"], twice["all"]["f1"], twice["hours"]) == (8, 0.5, 10.0)


def told(machine: Machine, model: Model, days: float = 1.0) -> None:
    """The server's own rows up to now, and a version that was made before them."""
    begin = (milliseconds() - int(days * 86_400_000)) // MINUTE * MINUTE
    times, values = quiet(days, begin=begin, seed=1)
    tell(machine, times, values)
    Watch.objects.update_or_create(server=machine.server, defaults={"since": BEGAN, "full_at": BEGAN})
    store(Made(machine.server.pk, "day", replace(model, to_ms=begin - 1), short=False))


def test_a_night_writes_one_card_a_server_of_rows_the_model_has_not_seen(
    machine: Make, known: tuple[Model, Any, Any]
) -> None:
    measured, young = machine("web-1"), machine("web-2")
    told(measured, known[0])
    told(young, known[0], days=0.1)
    assert measuring.measure_all(300) == 1
    assert measuring.measure_all(300) == 0  # the same night again
    row = Card.objects.get()
    assert row.server == measured.server
    assert row.span_from > row.counts["families"]["all"]["points"]
    assert row.f1 is not None
    assert row.counts["families"]["all"]["faults"] > 20


def test_what_there_is_no_time_for_comes_first_the_next_night(machine: Make, known: tuple[Model, Any, Any]) -> None:
    first, second = machine("web-1"), machine("web-2")
    for one_ in (first, second):
        told(one_, known[0], days=0.3)
    measuring.measure(first.server.pk)
    assert measuring.due() == [second.server.pk]
    Card.objects.update(measured_at=now() - timedelta(hours=30), day=now() - timedelta(days=2))
    assert measuring.due() == [second.server.pk, first.server.pk]
    assert measuring.measure_all(-1) == 0
