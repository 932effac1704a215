"""Explanations: what people read of an episode's numbers, in their language."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.utils import timezone

from ml.said import sentence

NIGHT = datetime(2026, 11, 17, 2, tzinfo=UTC)  # a Tuesday


def part(column: str, value: float | None, low: float | None, high: float | None, share: float = 0.5) -> Any:
    return {"column": column, "value": value, "low": low, "high": high, "share": share, "z": 9.0}


WRITES = part('disk_write_bytes_per_second{device="sda"}', 240e6, 20e6, 60e6)


@pytest.mark.parametrize(
    ("top", "said"),
    [
        ([WRITES],
         "Disk write (device sda) is 240 MB/s: 6 times the usual for a Tuesday night (20 MB/s to 60 MB/s)."),
        ([part("cpu_used_percent", 46, 20, 45)],
         "CPU used is 46 %: more than usual for a Tuesday night (20 % to 45 %)."),
        ([part("load1", 0.1, 2, 3)], "Load over 1 minute is 0.1: less than usual for a Tuesday night (2 to 3)."),
        ([part("load1", 2.5, 2, 3)],
         "Each number is in its usual range; together they move unlike they usually do for a Tuesday night: "
         "Load over 1 minute."),
        ([part("cpu_system_percent", 2.94, 1.2, 2.91)],
         "Each number is in its usual range; together they move unlike they usually do for a Tuesday night: "
         "CPU in the kernel."),
        ([part("memory_used_bytes", 2, 1, 3), part("memory_used_percent", 2, 1, 3), part("load1", 2, 1, 3)],
         "Each number is in its usual range; together they move unlike they usually do for a Tuesday night: "
         "Memory used, Load over 1 minute."),
        ([part("own_errors", 0.0031, 0.0005, 0.0021)],
         "Own errors is 0.0031: 2.4 times the usual for a Tuesday night (0.0005 to 0.0021)."),
        ([part("own_queue", 7, None, None)], "Own queue is 7, which is unusual for a Tuesday night."),
        ([part("load1", None, 1, 2)], "Load over 1 minute is unusual for a Tuesday night."),
        ([part("load1", 5000, 1, 2)],
         "Load over 1 minute is 5,000: over 99 times the usual for a Tuesday night (1 to 2)."),
        ([], "It says nothing, which is not usual for it."),
        ([part('bad{"', 3, 1, 2)], 'bad{" is 3: 2 times the usual for a Tuesday night (1 to 2).'),
    ],
)  # fmt: skip
def test_each_kind_of_odd_has_its_sentence(top: Any, said: str) -> None:
    with timezone.override(UTC):
        assert sentence(top, at=NIGHT) == said


def test_the_others_and_what_it_began_with_are_named() -> None:
    top = [WRITES, part("cpu_iowait_percent", 30, 0, 2, 0.2), part("load1", 9, 1, 2, 0.01)]
    with timezone.override(UTC):
        found = sentence(top, at=NIGHT, cause="backup.service started.")
    assert found.endswith("Also unusual: CPU waiting for disks. It began with: backup.service started.")


def test_what_is_out_of_its_range_comes_first_and_what_is_in_it_is_no_reason() -> None:
    blocked, kernel = part("processes_blocked", 0, 0, 1, 0.6), part("cpu_system_percent", 2.94, 1.2, 2.91, 0.3)
    with timezone.override(UTC):
        found = sentence([blocked, kernel, part("load1", 9, 1, 2, 0.1)], at=NIGHT)
    assert found == "Load over 1 minute is 9: 6 times the usual for a Tuesday night (1 to 2)."


def test_a_young_model_claims_nothing_about_the_hour() -> None:
    assert "for this server" in sentence([WRITES], at=NIGHT, hourly=False)


def test_nothing_of_a_hostile_file_of_numbers_is_a_fault() -> None:
    for value in (float("nan"), float("inf"), "x", None, True):
        assert sentence([part("load1", value, value, value)], at=NIGHT)  # type: ignore[arg-type]
