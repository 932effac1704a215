"""Power off under load, a few times in every run; `./watchkeeper bench agent kill` does it sixty times."""

from __future__ import annotations

from bench.agent import kills


def test_rows_written_down_arrive_once_however_often_the_agent_is_killed() -> None:
    assert kills(seed=7, times=3, longest=2.2) == 0
