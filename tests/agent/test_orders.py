"""Orders: heard at once, done once, told until heard; live sampling; a key replaced while the agent runs."""

from __future__ import annotations

import json
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from watchkeeper_agent.config import load
from watchkeeper_agent.courier import Courier
from watchkeeper_agent.errors import Trouble
from watchkeeper_agent.loop import Loop
from watchkeeper_agent.orders import Desk, Ear
from watchkeeper_agent.post import Hub
from watchkeeper_agent.sample import layout_of
from watchkeeper_agent.spool import Spool

from tests.agent.hub import TinyHub
from tests.agent.test_program import Start, enrolled, start, until

__all__ = ["start"]

Seen = list[tuple[dict[str, Any], float | None]]


@pytest.fixture
def hub() -> Iterator[TinyHub]:
    with TinyHub() as one:
        yield one


def desk(seen: Seen) -> Desk:
    def note(arguments: dict[str, Any], left: float | None) -> str:
        seen.append((arguments, left))
        return "Noted."

    def fail(arguments: dict[str, Any], left: float | None) -> str:
        raise Trouble("It cannot be.") if arguments else ValueError("secret text")

    return Desk({"note": note, "fail": fail, "state": lambda *_: None})


def order(name: str, kind: str = "note", until: float | None = None, **arguments: Any) -> dict[str, Any]:
    return {"id": name, "kind": kind, "args": arguments, "until": until}


def test_an_order_is_done_once_however_often_it_comes() -> None:
    seen: Seen = []
    one = desk(seen)
    assert one.take([order("a", x=1)], 0.0)
    assert not one.take([order("a", x=1)], 0.0)
    assert seen == [({"x": 1}, None)]
    assert one.to_tell() == [{"id": "a", "ok": True, "text": "Noted."}]
    one.heard(one.to_tell())
    assert one.to_tell() == []
    one.take([order("a", x=1)], 0.0)
    assert (len(seen), len(one.to_tell())) == (1, 1), "the hub has not heard: it is told again, not done again"


def test_what_is_not_known_not_in_time_or_fails_is_told_so() -> None:
    one = desk([])
    one.take([order("a", "dance"), order("b", until=5.0), order("c", "fail", x=1), order("d", "fail")], 10.0)
    one.take(["odd", {"id": 7}, None], 10.0)
    one.take({"odd": 1}, 10.0)
    texts = {str(done["id"]): done["text"] for done in one.to_tell()}
    assert "does not know orders of kind dance" in texts["a"]
    assert "after its time" in texts["b"]
    assert texts["c"] == "It cannot be."
    assert texts["d"] == "It failed here: ValueError."
    assert not any(done["ok"] for done in one.to_tell())


def test_the_end_of_an_order_is_meant_by_the_hubs_clock() -> None:
    seen: Seen = []
    desk(seen).take([order("a", until=1030.0)], 1000.0)
    assert seen == [({}, 30.0)]


def test_a_renewed_state_is_taken_anew_and_leaves_nothing_to_tell() -> None:
    one = desk([])
    assert one.take([order("a", "state", until=10.0)], 0.0)
    assert one.take([order("a", "state", until=20.0)], 0.0)
    assert not one.take([order("a", "state", until=20.0)], 0.0)
    assert one.to_tell() == []


def test_a_thousand_orders_do_not_grow_memory() -> None:
    one = desk([])
    for number in range(1000):
        one.take([order(str(number))], 0.0)
        one.heard(one.to_tell())
    assert len(one.seen) <= 200
    assert len(one.finished) <= 200


def test_what_cannot_be_done_now_is_tried_again_while_the_hub_wants_it(
    hub: TinyHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "agent.json"
    path.write_text(json.dumps({"url": hub.url, "server": "s", "key": "wka_old.secret"}))
    left: list[Any] = [(503, {}, {"detail": "Not now."}), (201, {}, {"key": "wka_new.secret"})]
    hub.script = lambda *_: left.pop(0)
    one = Loop(load(str(path)))
    assert one.desk.take([order("1", "rotate_key", until=90.0)], 0.0)
    assert not one.desk.take([order("1", "rotate_key", until=90.0)], 1.0), "not at once"
    assert (one.desk.to_tell(), len(left)) == ([], 1)
    later = time.monotonic() + 61
    monkeypatch.setattr("watchkeeper_agent.orders.time.monotonic", lambda: later)
    assert one.desk.take([order("1", "rotate_key", until=90.0)], 61.0)
    assert [(done["id"], done["ok"]) for done in one.desk.to_tell()] == [("1", True)]
    assert load(str(path)).key == "wka_new.secret"
    assert not one.desk.take([order("1", "rotate_key", until=90.0)], 62.0)
    one.spool.close()


def test_facts_that_cannot_be_read_cost_no_row(
    hub: TinyHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "agent.json"
    path.write_text(json.dumps({"url": hub.url, "server": "s", "key": "wka_a.b"}))
    one = Loop(load(str(path)))
    monkeypatch.setattr("watchkeeper_agent.facts.gather", lambda _: 1 / 0)
    one.tick()
    assert one.spool.waiting() == 1
    assert "Facts of this machine could not be read" in capsys.readouterr().err
    one.spool.close()


def test_what_a_strange_hub_orders_is_bounded() -> None:
    one = desk([])
    one.take([order("x" * 101), order("huge", until=10**400)], 0.0)
    one.take([order(f"{number}", "dance") for number in range(1000)], 0.0)
    assert len(one.to_tell()) <= 200
    assert "x" * 101 not in one.seen


def put(spool: Spool, at: float) -> None:
    spool.append(["load1"], layout_of(["load1"]), [at, 1.0], live=True, extras={})


def test_what_was_done_goes_with_a_post_that_was_never_sent_without_it(hub: TinyHub, tmp_path: Path) -> None:
    spool, one = Spool(str(tmp_path)), desk([])
    door = Hub(hub.url, "wka_a.b")
    courier = Courier(door, spool, lambda _: None, one)
    healthy, hub.script = hub.script, lambda *_: (503, {}, {})
    put(spool, 1.0)
    courier.step()
    one.take([order("a")], 0.0)
    hub.script = healthy
    courier.step()
    put(spool, 2.0)
    courier.step()
    put(spool, 3.0)
    courier.step()
    door.close()
    done = [batch.get("done") for batch in hub.batches]
    assert done == [None, None, [{"id": "a", "ok": True, "text": "Noted."}], None]


@pytest.mark.parametrize(
    ("said", "least", "most"),
    [
        ((200, {}, {"orders": []}), 1.0, 2.0),
        ((200, {}, {"orders": [order("a")]}), 0.0, 0.2),
        ((404, {}, b"<html>"), 400, 800),
        ((401, {}, {"error": "unauthorized"}), 90, 150),
        ((503, {"Retry-After": "9"}, {}), 9, 14),
        ((503, {}, {}), 1.0, 2.0),
        ((200, {}, b"<html>Sign in</html>"), 1.0, 2.0),
    ],
)
def test_the_ear_rests_as_the_answer_asks(hub: TinyHub, said: Any, least: float, most: float) -> None:
    hub.wanted = lambda: said
    ear = Ear(Hub(hub.url, "wka_a.b"), desk([]))
    assert least <= ear.step() <= most
    ear.hub.close()


def test_a_hub_that_is_away_or_answers_at_once_is_asked_ever_less(hub: TinyHub) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    away = Ear(Hub(f"http://127.0.0.1:{port}"), desk([]))
    assert all(30 <= pause <= 60 for pause in [away.step() for _ in range(9)][6:])
    hub.wanted = lambda: (200, {}, {"orders": [order("a")]})
    eager = Ear(Hub(hub.url), desk([]))
    assert all(30 <= pause <= 60 for pause in [eager.step() for _ in range(9)][7:])
    eager.hub.close()


def every(seconds: float, hub: TinyHub, tmp_path: Path) -> str:
    """An agent's config at a hub that asks for a row so often."""

    def script(path: str, document: dict[str, Any]) -> Any:
        if path.endswith("/enrol"):
            return 201, {}, {"server": "s", "key": "wka_old.secret", "interval": seconds}
        return 200, {}, {"ack": document["seq"], "accepted": 1, "refused": [], "interval": seconds, "orders": []}

    hub.script = script
    return enrolled(hub, tmp_path)


def test_live_begins_within_two_seconds_and_ends_by_itself(hub: TinyHub, tmp_path: Path, start: Start) -> None:
    config = every(60, hub, tmp_path)
    child = start("run", "--config", config)
    until(lambda: hub.batches)
    time.sleep(0.3)  # the ear is listening
    before, ordered = len(hub.batches), time.time()
    hub.order(order("look", "live", until=ordered + 3, interval=1))
    until(lambda: len(hub.batches) > before, 2)
    until(lambda: len(hub.batches) >= before + 3, 4)
    time.sleep(max(0.0, ordered + 4.2 - time.time()))
    after = len(hub.batches)
    time.sleep(1.5)
    assert len(hub.batches) == after, "back to one a minute"
    child.send_signal(signal.SIGTERM)
    assert child.wait(5) == 0


def test_a_new_key_is_fetched_kept_and_used(hub: TinyHub, tmp_path: Path, start: Start) -> None:
    config = every(1, hub, tmp_path)
    left: list[Any] = [(403, {}, {"detail": "Never."}), (201, {}, {"key": "wka_new.secret"})]
    healthy = hub.script

    def script(path: str, document: dict[str, Any]) -> Any:
        return left.pop(0) if path.endswith("/agent/key") else healthy(path, document)

    hub.script = script
    document = json.loads(Path(config).read_text())
    Path(config).write_text(json.dumps(document | {"mine": "stays"}))
    start("run", "--config", config)
    until(lambda: hub.batches)
    hub.order(order("1", "rotate_key"))
    until(lambda: any(batch.get("done") for batch in hub.batches))
    hub.order(order("2", "rotate_key"))
    until(lambda: len([1 for batch in hub.batches if batch.get("done")]) >= 2)
    told = {done["id"]: done["ok"] for batch in hub.batches for done in batch.get("done", [])}
    assert told == {"1": False, "2": True}
    assert hub.keys[-1] == "Bearer wka_new.secret"
    kept = json.loads(Path(config).read_text())
    assert (kept["key"], kept["mine"]) == ("wka_new.secret", "stays")
    assert Path(config).stat().st_mode & 0o777 == 0o600
