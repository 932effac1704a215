"""What a process had sent when it was killed is not sent again by the one after it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from accounts.models import Team
from alerts.channels.base import Sent
from alerts.delivery import courier, deliver_due, slips
from alerts.delivery.slips import ANSWER, LARGE, Slips, take_up
from alerts.models import Channel, Delivery
from core.clock import now
from core.runner import INSTANCE
from tests.alerts.telling import Desk, open_loopback
from tests.sinks import WebhookSink


class Killed(BaseException):
    pass


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any) -> Slips:
    """Those of a process that begins now."""
    settings.DATA = tmp_path
    made = Slips()
    monkeypatch.setattr(courier, "slips", made)
    return made


@pytest.fixture
def killed(mine: Slips, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, team: Team) -> Callable[[int], Channel]:
    """A process that was killed when so many messages had been taken, and none of them was written down."""

    def write(*_: object) -> None:
        raise Killed

    def die(count: int) -> Channel:
        desk = Desk(team)
        with WebhookSink() as sink, monkeypatch.context() as patch:
            open_loopback(patch)
            patch.setattr(courier, "_write", write)
            channel = desk.channel("hook", "webhook", {"url": sink.url})
            for number in range(count):
                desk.delivery(channel, text=f"web-{number}: hot.")
                with pytest.raises(Killed):
                    deliver_due(channel.pk, at_once=False)
            assert len(sink.requests) == count
        os.close(mine.file)
        (tmp_path / "sent" / INSTANCE).rename(tmp_path / "sent" / "dead")
        Delivery.objects.update(lease_owner="dead")
        return channel

    return die


def test_what_was_taken_before_a_kill_is_written_down_after_it(
    killed: Callable[[int], Channel], tmp_path: Path
) -> None:
    channel = killed(3)
    file = tmp_path / "sent" / "dead"
    file.write_bytes(file.read_bytes()[:-2])  # the last line was not written to its end
    take_up(now())
    told = Delivery.objects.filter(channel=channel).order_by("pk")
    assert [(one.state, one.answer, one.lease_owner) for one in told] == [
        ("sent", ANSWER, ""), ("sent", ANSWER, ""), ("waiting", "", "dead"),
    ]  # fmt: skip
    assert not file.exists()
    take_up(now())


def test_what_became_of_it_meanwhile_stays(killed: Callable[[int], Channel]) -> None:
    channel = killed(2)
    first, second = Delivery.objects.filter(channel=channel).order_by("pk")
    Delivery.objects.filter(pk=first.pk).update(lease_owner="other", attempts=2)
    Delivery.objects.filter(pk=second.pk).update(state="dropped")
    take_up(now())
    assert [one.state for one in Delivery.objects.filter(channel=channel).order_by("pk")] == ["waiting", "dropped"]


def test_what_a_living_process_holds_is_its_own(killed: Callable[[int], Channel], tmp_path: Path) -> None:
    channel = killed(1)
    with (tmp_path / "sent" / "dead").open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        take_up(now())
        assert Delivery.objects.get(channel=channel).state == "waiting"
    take_up(now())
    assert Delivery.objects.get(channel=channel).state == "sent"


def test_the_file_is_emptied_when_all_of_it_is_known_and_never_grows_without_end(mine: Slips, team: Team) -> None:
    desk = Desk(team)
    one = desk.delivery(desk.channel("hook", "webhook", {"url": "https://example.org/"}))
    sent = Sent(reference="r" * 150)
    most = 0
    for known in (1, 0):  # a database that never writes any down
        for _ in range(20 * LARGE // 150):
            mine.note(one, sent)
            mine.known(known)
            most = max(most, mine.size)
        assert mine.size == os.fstat(mine.file).st_size
        assert most < (LARGE if known else 16 * LARGE) + 500
    os.close(mine.file)


def test_a_folder_that_cannot_be_written_keeps_no_message(mine: Slips, tmp_path: Path, team: Team) -> None:
    (tmp_path / "sent").write_text("in the way")
    desk = Desk(team)
    mine.note(desk.delivery(desk.channel("hook", "webhook", {"url": "https://example.org/"})), Sent())
    take_up(now())
    assert slips.slips is not mine
