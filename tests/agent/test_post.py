"""The courier against a real hub: what it sends, repeats, keeps back, and what it says when it cannot."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from watchkeeper_agent import errors
from watchkeeper_agent.courier import Courier
from watchkeeper_agent.errors import Trouble
from watchkeeper_agent.post import Hub, Unreachable, seconds_of
from watchkeeper_agent.sample import layout_of
from watchkeeper_agent.spool import Spool

from core import tls
from tests.agent.hub import Said, TinyHub, accept

COLUMNS = ["cpu_used_percent"]


@pytest.fixture(autouse=True)
def _nothing_said_yet() -> None:
    errors._said.clear()


@pytest.fixture
def hub() -> Iterator[TinyHub]:
    with TinyHub() as one:
        yield one


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(str(tmp_path / "spool"))


_open: list[Hub] = []


def connect(url: str, key: str = "", ca: str | None = None) -> Hub:
    _open.append(Hub(url, key, ca, timeout=5))
    return _open[-1]


@pytest.fixture(autouse=True)
def _connections_closed() -> Iterator[None]:
    yield
    while _open:
        _open.pop().close()


def courier(hub: TinyHub, spool: Spool) -> Courier:
    return Courier(connect(hub.url, "wka_id.secret"), spool, lambda _: None)


def put(spool: Spool, at: float, *, live: bool = True, **extras: Any) -> None:
    spool.append(COLUMNS, layout_of(COLUMNS), [at, 1.5], live=live, extras=extras)


def scripted(*said: Said) -> Any:
    """These answers first, then a healthy hub's."""
    left = list(said)
    return lambda path, document: left.pop(0) if left else accept(path, document)


def test_columns_go_once_and_the_connection_is_kept(hub: TinyHub, spool: Spool) -> None:
    one = courier(hub, spool)
    for at in (1.0, 2.0, 3.0):
        put(spool, at)
        assert one.step() is None
    assert [batch.get("columns") for batch in hub.batches] == [COLUMNS, None, None]
    assert [batch["seq"] for batch in hub.batches] == [1, 2, 3]
    assert {batch["layout"] for batch in hub.batches} == {layout_of(COLUMNS)}
    assert [batch["rows"] for batch in hub.batches] == [[[1.0, 1.5]], [[2.0, 1.5]], [[3.0, 1.5]]]
    assert hub.keys == ["Bearer wka_id.secret"] * 3
    assert hub.connections == 1


def test_a_hub_that_forgot_the_layout_gets_the_same_batch_with_its_columns(hub: TinyHub, spool: Spool) -> None:
    one = courier(hub, spool)
    put(spool, 1.0)
    one.step()
    hub.script = scripted((409, {}, {"error": "unknown_layout"}))
    put(spool, 2.0)
    assert one.step() == 0.0
    assert one.step() is None
    first, again = hub.batches[-2:]
    assert "columns" not in first
    assert again == {**first, "columns": COLUMNS}


def test_layouts_the_hub_knows_do_not_grow_memory(
    hub: TinyHub, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("watchkeeper_agent.courier.MOST_LAYOUTS", 3)
    one = courier(hub, spool)
    for number in range(9):
        spool.append([f"c{number}"], layout_of([f"c{number}"]), [float(number), 1.0], live=True, extras={})
        one.step()
    assert len(one.known) <= 3


def test_a_name_that_is_no_text_neither_ends_the_agent_nor_spoils_the_report(hub: TinyHub, spool: Spool) -> None:
    """Of a disk mounted under bytes that are no UTF-8, say."""
    columns = ['disk_used_percent{mount="/m/\udcff\U0001f600"}']
    spool.append(columns, layout_of(columns), [1.0, 1.5], live=True, extras={"events": [{"text": "\udcff"}]})
    courier(hub, spool).step()
    (batch,) = hub.batches
    assert batch["columns"] == ['disk_used_percent{mount="/m/?\U0001f600"}']
    assert batch["layout"] == layout_of(batch["columns"])
    assert batch["events"] == [{"text": "?"}]
    assert not spool.waiting()


def test_a_hub_that_is_busy_is_asked_again_when_it_said_and_not_before(hub: TinyHub, spool: Spool) -> None:
    one = courier(hub, spool)
    hub.script = scripted((503, {"Retry-After": "7"}, {"error": "busy", "detail": "Too much."}))
    put(spool, 1.0)
    pause = one.step()
    assert pause is not None
    assert 7.0 <= pause <= 9.1
    assert spool.waiting() == 1
    assert one.step() is None
    assert one.connected
    assert [batch["seq"] for batch in hub.batches] == [1, 1]


def test_failures_are_repeated_ever_more_slowly_up_to_a_minute(spool: Spool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    one = Courier(connect(f"http://127.0.0.1:{port}"), spool, lambda _: None)
    put(spool, 1.0)
    pauses = [one.step() or 0.0 for _ in range(9)]
    assert 0.5 <= pauses[0] <= 1.0
    assert 2.0 <= pauses[2] <= 4.0
    assert all(30.0 <= pause <= 60.0 for pause in pauses[6:])


def test_a_revoked_key_is_named_rows_are_kept_and_the_hub_is_left_alone(
    hub: TinyHub, spool: Spool, capsys: pytest.CaptureFixture[str]
) -> None:
    one = courier(hub, spool)
    hub.script = scripted((401, {}, {"error": "unauthorized", "detail": "The key was revoked."}))
    put(spool, 1.0)
    pause = one.step()
    assert pause is not None
    assert pause >= 90
    assert "does not accept this agent's key: The key was revoked." in capsys.readouterr().err
    assert spool.waiting() == 1


def test_a_report_refused_for_good_does_not_stand_before_the_others(hub: TinyHub, spool: Spool) -> None:
    one = courier(hub, spool)
    hub.script = scripted((400, {}, {"error": "undecodable", "detail": "No."}))
    put(spool, 1.0)
    one.step()
    put(spool, 2.0)
    one.step()
    assert hub.batches[-1]["rows"] == [[2.0, 1.5]]
    assert hub.batches[-1]["events"][0]["fields"] == {"rows": 1, "total": 1, "samples_total": 1}


def test_after_an_outage_the_newest_arrives_before_the_past(hub: TinyHub, spool: Spool) -> None:
    one = courier(hub, spool)
    hub.script = scripted((503, {}, {}))
    put(spool, 0.0)
    one.step()
    for at in range(1, 31):
        put(spool, float(at), live=one.connected)
    pauses = []
    for _ in range(3):
        pauses.append(one.step())
        one.past_at = 0.0
    arrived = [[row[0] for row in batch["rows"]] for batch in hub.batches[1:]]
    assert arrived == [[0.0], [30.0], [float(at) for at in range(1, 30)]]
    assert pauses[-1] is None
    assert spool.waiting() == 0


def test_a_connection_closed_while_idle_is_no_failure(hub: TinyHub, spool: Spool) -> None:
    one = courier(hub, spool)
    put(spool, 1.0)
    one.step()
    one.hub.abort()  # as if the other side had hung up meanwhile
    put(spool, 2.0)
    assert one.step() is None
    assert hub.connections == 2


def test_facts_and_events_travel_with_their_row(hub: TinyHub, spool: Spool) -> None:
    put(spool, 1.0, facts={"hash": "x", "document": {"os": {"name": "Debian"}}})
    courier(hub, spool).step()
    assert hub.batches[0]["facts"]["document"] == {"os": {"name": "Debian"}}


def test_the_hubs_wishes_reach_the_loop(hub: TinyHub, spool: Spool) -> None:
    heard: list[dict[str, Any]] = []
    put(spool, 1.0)
    Courier(connect(hub.url), spool, heard.append).step()
    assert heard[0]["interval"] == 1


def test_values_from_the_future_make_one_look_at_the_clock(
    hub: TinyHub, spool: Spool, capsys: pytest.CaptureFixture[str]
) -> None:
    refused = [{"row": 0, "column": "cpu_used_percent", "error": "more than 10 minutes in the future"}]
    hub.script = scripted((200, {}, {"ack": 1, "accepted": 0, "refused": refused}))
    put(spool, 1.0)
    courier(hub, spool).step()
    assert "Is this machine's clock right?" in capsys.readouterr().err


@pytest.mark.parametrize("url", ["http://10.0.0.1:8000", "http://hub.example.org", "ftp://hub", "hub:8000", "https://hub:65536",
                                 "https://hub:0", "https://hub:no", "https://[::1"])  # fmt: skip
def test_an_address_the_key_must_not_travel_to_is_refused(url: str) -> None:
    with pytest.raises(Trouble, match=r"not encrypted|not an address"):
        connect(url)


def test_the_pinned_authority_is_trusted_and_no_other(tmp_path: Path) -> None:
    ours = tls.ensure(tmp_path / "ours", ["127.0.0.1"])
    theirs = tls.ensure(tmp_path / "theirs", ["127.0.0.1"])
    with TinyHub(certificate=ours) as hub:
        document = {"seq": 1}
        assert connect(hub.url, ca=str(ours.ca)).post("/api/v1/ingest", document).status == 200
        for ca in (str(theirs.ca), None):
            with pytest.raises(Unreachable, match="not signed by"):
                connect(hub.url, ca=ca).post("/api/v1/ingest", document)
        assert len(hub.posts) == 1


def test_a_tls_connection_closed_while_idle_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spool: Spool
) -> None:
    """The other side went away without the end that TLS asks for: a proxy or a hub that was restarted."""
    ours = tls.ensure(tmp_path / "ours", ["127.0.0.1"])
    with TinyHub(certificate=ours) as hub:
        one = connect(hub.url, ca=str(ours.ca))
        assert one.post("/api/v1/ingest", {"seq": 1}).status == 200
        assert one.connection
        for error in (
            ssl.SSLEOFError(8, "EOF occurred in violation of protocol"),
            ssl.SSLZeroReturnError(6, "closed"),
        ):
            monkeypatch.setattr(one.connection, "exchange", raising(error))
            assert one.post("/api/v1/ingest", {"seq": 2}).status == 200
    with socket.create_server(("127.0.0.1", 0)) as mute:

        def hang_up() -> None:
            mute.accept()[0].close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        with pytest.raises(Unreachable) as caught:
            connect(f"https://127.0.0.1:{mute.getsockname()[1]}", ca=str(ours.ca)).post("/", {})
        thread.join()
    assert "plain http" not in str(caught.value)


def raising(error: Exception) -> Any:
    def call(*_: object) -> None:
        raise error

    return call


def test_each_way_to_miss_the_hub_has_its_own_sentence(tmp_path: Path) -> None:
    wrong_name = tls.ensure(tmp_path / "name", ["elsewhere.example.org"])
    with TinyHub(certificate=wrong_name) as hub, pytest.raises(Unreachable, match="for another name"):
        connect(hub.url, ca=str(wrong_name.ca)).post("/", {})
    with TinyHub() as hub, pytest.raises(Unreachable, match="Is it plain http"):
        connect(hub.url.replace("http:", "https:")).post("/", {})
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(Unreachable, match=r"connection refused.*Is the hub running"):
        connect(f"http://127.0.0.1:{port}").post("/", {})
    with pytest.raises(Trouble, match=r"missing\.pem cannot be used"):
        connect("https://127.0.0.1", ca="/missing.pem")


def test_a_page_of_some_proxy_is_no_answer_of_ours(hub: TinyHub, spool: Spool) -> None:
    hub.script = scripted((502, {}, b"<html>Bad gateway</html>"))
    put(spool, 1.0)
    pause = courier(hub, spool).step()
    assert pause is not None
    assert spool.waiting() == 1


def test_an_error_nobody_thought_of_does_not_end_the_courier(
    hub: TinyHub, spool: Spool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    one = courier(hub, spool)
    monkeypatch.setattr(one.hub, "post", lambda *_: 1 / 0)
    put(spool, 1.0)
    pause = one.step()
    assert pause is not None
    assert "division by zero" in capsys.readouterr().err
    assert spool.waiting() == 1


def test_a_hub_that_asks_for_a_very_long_rest_gets_an_hour_at_most(hub: TinyHub, spool: Spool) -> None:
    hub.script = scripted((503, {"Retry-After": "99999999"}, {}))
    put(spool, 1.0)
    pause = courier(hub, spool).step()
    assert pause is not None
    assert 3600 <= pause <= 4700


def eventually(condition: Any) -> bool:
    end = time.monotonic() + 5
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return bool(condition())


def test_a_report_refused_for_good_after_a_failure_does_not_silence_the_courier(hub: TinyHub, spool: Spool) -> None:
    one = courier(hub, spool)
    hub.script = scripted((503, {"Retry-After": "0"}, {}), (400, {}, {"error": "undecodable"}))
    put(spool, 1.0)
    one.start()
    try:
        assert eventually(lambda: len(hub.batches) == 2 and not spool.waiting())
        put(spool, 2.0)
        one.ring()
        assert eventually(lambda: len(hub.batches) == 3)
        assert eventually(lambda: one.connected)
    finally:
        one.stop(5)


@pytest.mark.parametrize(
    "said",
    [
        (200, {}, b"<html>Sign in first</html>"),
        (200, {}, {}),
        (200, {}, {"ack": 7}),
        (202, {}, {"ok": True}),
        (400, {}, b"<html>Bad request</html>"),
        (413, {}, {"error": "request_entity_too_large"}),
        (422, {}, {"detail": "No."}),
    ],
)
def test_what_somebody_in_between_answers_costs_no_row(said: Said, hub: TinyHub, spool: Spool) -> None:
    one = courier(hub, spool)
    hub.script = scripted(said)
    put(spool, 1.0)
    assert (one.step() or 0.0) >= 0.5
    assert not one.connected
    assert (spool.waiting(), spool.dropped) == (1, 0)
    assert one.step() is None
    assert [batch["seq"] for batch in hub.batches] == [1, 1]
    assert spool.waiting() == 0


def test_too_many_rows_for_the_hub_go_out_in_smaller_parts(hub: TinyHub, spool: Spool) -> None:
    def small(path: str, document: dict[str, Any]) -> Said:
        return accept(path, document) if len(document["rows"]) <= 2 else (413, {}, {"error": "too_large"})

    hub.script = small
    for at in range(9):
        put(spool, float(at), live=False)
    one = courier(hub, spool)
    while one.step() is not None:
        one.past_at = 0.0
    taken = [batch for batch in hub.batches if len(batch["rows"]) <= 2]
    assert sorted(row[0] for batch in taken for row in batch["rows"]) == [float(at) for at in range(9)]
    assert len({batch["seq"] for batch in hub.batches}) == len(hub.batches)
    assert spool.dropped == 0


def test_a_single_row_too_large_is_let_go(hub: TinyHub, spool: Spool) -> None:
    hub.script = scripted((413, {}, {"error": "too_large", "detail": "Too large."}))
    put(spool, 1.0)
    courier(hub, spool).step()
    assert (spool.waiting(), spool.dropped) == (0, 1)


@pytest.mark.parametrize("refused", [["odd"], {"odd": 1}, 7])
def test_a_strange_answer_does_not_end_the_courier(refused: Any, hub: TinyHub, spool: Spool) -> None:
    hub.script = scripted((200, {}, {"ack": 1, "refused": refused}))
    put(spool, 1.0)
    one = courier(hub, spool)
    assert one.step() is not None
    assert one.step() is None


def test_a_long_past_is_a_tenth_more_than_the_hub_is_used_to(hub: TinyHub, spool: Spool) -> None:
    """One post of the past to ten of the present, never at once after the return, and the present goes on."""
    one = courier(hub, spool)
    hub.script = scripted((503, {}, {}))
    put(spool, 0.0)
    one.step()
    for at in range(1, 181):
        put(spool, float(at), live=one.connected)
    one.step()
    pause = one.step() or 0.0
    assert 60 <= pause <= 90
    for at in (181, 182):
        put(spool, float(at), live=one.connected)
        rest = one.step() or 0.0
        assert pause - 5 < rest <= pause, "the present interrupts the pause and does not make it longer"
    assert [len(batch["rows"]) for batch in hub.batches[2:]] == [1, 1, 1]
    one.past_at = 0.0
    one.step()
    assert 80 < len(hub.batches[-1]["rows"]) <= 90
    assert one.step()
    assert len(hub.batches) == 6


RAW = {
    "chunked": b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\n{"a":\r\n3\r\n 1}\r\n0\r\n\r\n',
    "interim": b'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n{"a": 1}',
    "until it closes": b'HTTP/1.0 200 OK\r\n\r\n{"a": 1}',
    "split": b'HTTP/1.1 200\r\ncontent-LENGTH:8\r\n\r\n{"a": 1}',
}
WRONG = {
    "no http": b"SSH-2.0-OpenSSH_9.2\r\n",
    "no status": b"HTTP/1.1 ok\r\n\r\n",
    "too long": b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n",
    "endless head": b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 20_000,
    "no number": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "negative": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n",
    "strange digits": b"HTTP/1.1 200 OK\r\nContent-Length: \xb2\r\n\r\n{}",
    "torn": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
}


def answering(content: bytes, piece: int = 7) -> tuple[str, threading.Thread]:
    """A server that says just this to the one who comes, in small pieces."""
    door = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with door, door.accept()[0] as one, contextlib.suppress(OSError):
            one.recv(65536)
            for at in range(0, len(content), piece):
                one.sendall(content[at : at + piece])

    thread = threading.Thread(target=serve)
    thread.start()
    return f"http://127.0.0.1:{door.getsockname()[1]}", thread


@pytest.mark.parametrize("kind", RAW)
def test_every_legal_shape_of_an_answer_is_read(kind: str) -> None:
    url, thread = answering(RAW[kind])
    answer = connect(url).get("/")
    thread.join()
    assert (answer.status, answer.document) == (200, {"a": 1})


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_no_answer_is_unreachable_and_costs_no_memory(kind: str) -> None:
    url, thread = answering(WRONG[kind], piece=4096)
    with pytest.raises(Unreachable, match=r"does not answer in http|cannot be reached"):
        connect(url).get("/")
    thread.join()


def test_an_answer_that_drips_is_given_up_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:

        def drip() -> None:
            one, _ = door.accept()
            with one, contextlib.suppress(OSError):
                for letter in b"HTTP/1.1 200 OK, " + b"and so on " * 15:
                    one.sendall(bytes([letter]))
                    time.sleep(0.05)

        thread = threading.Thread(target=drip)
        thread.start()
        hub = Hub(f"http://127.0.0.1:{door.getsockname()[1]}", timeout=0.5)
        began = time.monotonic()
        with pytest.raises(Unreachable, match="No answer"):
            hub.get("/")
        assert time.monotonic() - began < 5, "all of it takes eight seconds"
        thread.join()


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("Sat, 21 Nov 2026 04:59:05 GMT", 1795237145.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("Thu, 29 Feb 2024 12:00:00 GMT", 1709208000.0),
        ("Fri, 01 Mar 2024 00:00:00 GMT", 1709251200.0),
        ("yesterday", None),
        ("Sat, 21 Foo 2026 04:59:05 GMT", None),
    ],
)
def test_the_hubs_clock_is_read_from_its_answers(date: str, expected: float | None) -> None:
    assert seconds_of(date) == expected
