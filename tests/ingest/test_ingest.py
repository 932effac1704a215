"""The ingest door's twin: what is stored, what is refused one by one, what is refused as a whole."""

from __future__ import annotations

import gzip
import json
import time
import zlib
from collections.abc import Callable
from typing import Any

import cramjam
import pytest

from metrics.models import JournalRow, Series
from metrics.names import layout_hash
from tests.conftest import Machine


@pytest.fixture
def web(machine: Callable[..., Machine]) -> Machine:
    return machine("web-1")


def body(rows: list[Any], columns: list[str] | None = None, **more: Any) -> dict[str, Any]:
    columns = ["cpu_used_percent", "load1"] if columns is None else columns
    return {"boot": "b", "seq": 1, "layout": layout_hash(columns), "columns": columns, "rows": rows, **more}


def test_rows_are_stored_and_counted(web: Machine, now: float) -> None:
    reply = web.post(body([[now - 10, 1.5, 2.0], [now, 3.0, None]]))
    assert reply.status_code == 200
    assert reply.json() == {"ack": 1, "accepted": 3, "refused": [], "interval": 10, "orders": []}
    assert JournalRow.objects.count() == 1


def test_an_unknown_layout_is_asked_for_once(web: Machine, now: float) -> None:
    posted = body([[now, 1, 2]])
    columns = posted.pop("columns")
    assert (web.post(posted).status_code, web.post(posted).json()["error"]) == (409, "unknown_layout")
    assert web.post({**posted, "columns": columns}).status_code == 200
    assert web.post({**posted, "seq": 2}).status_code == 200


def test_the_same_batch_again_answers_the_same_and_stores_nothing(web: Machine, now: float) -> None:
    first = web.post(body([[now, 1, 2]])).json()
    assert web.post(body([[now, 1, 2]])).json() == first
    later = web.post(body([[now, 1, 2]], seq=5)).json()
    assert later["ack"] == 5
    assert web.post(body([[now, 1, 2]], seq=3)).json()["ack"] == 3
    assert JournalRow.objects.count() == 3


@pytest.mark.parametrize(
    ("cell", "error"),
    [("1e400", "not finite"), ("-1e999", "not finite"), ("NaN", "not finite"), ('"x"', "not a number"),
     ("true", "not a number"), ("[1]", "not a number")],
)  # fmt: skip
def test_a_bad_cell_is_refused_alone(web: Machine, now: float, cell: str, error: str) -> None:
    text = json.dumps(body([[now, 424242, 2]])).replace("424242", cell)
    reply = web.post(text.encode())
    assert reply.status_code == 200, reply.content
    assert (reply.json()["accepted"], reply.json()["refused"][0]["error"]) == (1, error)


def test_times_that_cannot_be_are_refused_row_by_row(web: Machine, now: float) -> None:
    times = [now, now + 3600, 0, now - 30 * 86400, 1e300, None]
    reply = web.post(body([[at, 1, 1] for at in times])).json()
    assert reply["accepted"] == 2
    assert sorted(one["row"] for one in reply["refused"]) == [1, 2, 3, 4, 5]


def test_a_row_of_another_length_and_a_bad_name_are_refused_alone(web: Machine, now: float) -> None:
    reply = web.post(body([[now, 1, 2], [now, 1]], ["cpu_used_percent", "not a name"])).json()
    assert reply["accepted"] == 1
    assert {one["column"] for one in reply["refused"]} == {"", "not a name"}
    assert list(Series.objects.values_list("metric", flat=True)) == ["cpu_used_percent"]


def test_the_hand_made_form_is_taken(web: Machine, now: float) -> None:
    samples = [{"t": now, "m": {"cpu_used_percent": 12.5}}, {"t": now, "m": {"load1": 1, "odd": "text"}}]
    reply = web.post({"samples": samples}).json()
    assert (reply["ack"], reply["accepted"], len(reply["refused"])) == (None, 2, 1)


@pytest.mark.parametrize(
    "raw",
    [b"", b"[]", b"{", b'"x"', b"\xff\xfe", b'{"rows": 5}', b'{"seq": -1, "rows": []}', b"[" * 100_000, b"null"],
)
def test_what_is_no_report_is_refused_with_a_sentence(web: Machine, raw: bytes) -> None:
    reply = web.post(raw)
    assert (reply.status_code, reply.json()["error"]) == (400, "undecodable")
    assert len(reply.json()["detail"]) > 10


def test_packed_bodies(web: Machine, now: float) -> None:
    plain = json.dumps(body([[now, 1, 2]])).encode()
    assert web.post(gzip.compress(plain), **{"content-encoding": "gzip"}).json()["accepted"] == 2
    zstd = bytes(cramjam.zstd.compress(plain))
    assert web.post(zstd, **{"content-encoding": "zstd"}).json()["accepted"] == 2
    assert web.post(plain, **{"content-encoding": "br"}).status_code == 415
    assert web.post(plain, **{"content-encoding": "gzip"}).status_code == 400
    assert web.post(zstd[:-3], **{"content-encoding": "zstd"}).status_code == 400


def test_bombs_are_refused_before_they_unpack(web: Machine) -> None:
    began = time.monotonic()
    packer = zlib.compressobj(wbits=31)
    bomb = b"".join([packer.compress(bytes(1 << 20)) for _ in range(64)]) + packer.flush()
    assert web.post(bomb, **{"content-encoding": "gzip"}).status_code == 413
    assert web.post(bytes(cramjam.zstd.compress(bytes(64 << 20))), **{"content-encoding": "zstd"}).status_code == 413
    lying = bytes(cramjam.zstd.compress(b"x"))
    assert web.post(lying[:4] + b"\xe0" + b"\xff" * 8 + lying[6:], **{"content-encoding": "zstd"}).status_code == 413
    assert time.monotonic() - began < 5


def test_only_the_servers_own_key_opens_the_door(web: Machine, now: float) -> None:
    for header in ("", "Bearer x", f"Bearer {web.key}x", web.key):
        reply = web.post(body([[now, 1, 2]]), authorization=header)
        assert (reply.status_code, reply.json()["error"]) == (401, "unauthorized")


def test_a_server_has_its_quota_of_series(web: Machine, now: float) -> None:
    first = [f'm{{n="{n}"}}' for n in range(3000)]
    second = [f'm{{n="{n}"}}' for n in range(3000, 6000)]
    assert web.post(body([[now, *range(3000)]], first)).json()["accepted"] == 3000
    reply = web.post(body([[now, *range(3000)]], second, seq=2)).json()
    assert reply["accepted"] == 0
    assert "quota" in reply["refused"][0]["error"]


def test_facts_and_events_are_kept_once(web: Machine, now: float) -> None:
    facts = {"hash": "h", "document": {"os": {"name": "Debian", "version": "12", "family": "linux"}}}
    event = {"t": now, "kind": "spool", "text": "dropped 3", "fields": {}}
    for seq in (1, 2):
        web.post(body([[now, 1, 2]], seq=seq, facts=facts, events=[event]))
    facts["document"]["os"]["version"] = "13"  # type: ignore[index]
    web.post(body([[now, 1, 2]], seq=3, facts=facts))
    from servers.models import Change, Event

    web.server.refresh_from_db()
    assert (web.server.os, web.server.family) == ("Debian 13", "linux")
    assert Event.objects.count() == 1
    assert list(Change.objects.values_list("section", "key", "before", "after")) == [("os", "version", "12", "13")]
