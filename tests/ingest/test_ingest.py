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

from ingest import limits
from metrics.latest import latest
from metrics.models import JournalRow, Series
from metrics.names import layout_hash
from tests.conftest import Machine
from tests.product import slow


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


def test_how_old_a_sample_may_be_is_what_is_kept(web: Machine, now: float, settings: Any) -> None:
    settings.KEEP_RAW_DAYS = 2
    body = {"samples": [{"t": now - days * 86_400, "m": {"cpu": 1}} for days in (1, 3)]}
    answer = web.post(body).json()
    assert answer["accepted"] == 1
    assert [refusal["error"] for refusal in answer["refused"]] == ["older than the retention of 2 days"]


@pytest.mark.parametrize("years", [-1, 1])
def test_an_agents_clock_that_jumps_a_year_costs_only_what_it_says_then(web: Machine, now: float, years: int) -> None:
    for seq, at in enumerate((now - 20, now - 10 + years * 365 * 86_400, now)):
        answer = web.post({"boot": "b", "seq": seq, "samples": [{"t": at, "m": {"cpu": seq}}]})
        assert (answer.status_code, answer.json()["ack"]) == (200, seq)
        assert answer.json()["accepted"] == (seq != 1)
    newest = latest.get(web.server.pk)
    assert newest is not None
    assert newest.value("cpu") == 2


def test_a_row_of_another_length_and_a_bad_name_are_refused_alone(web: Machine, now: float) -> None:
    reply = web.post(body([[now, 1, 2], [now, 1]], ["cpu_used_percent", "not a name"])).json()
    assert reply["accepted"] == 1
    assert {one["column"] for one in reply["refused"]} == {"", "not a name"}
    assert list(Series.objects.values_list("metric", flat=True)) == ["cpu_used_percent"]


def test_the_hand_made_form_is_taken(web: Machine, now: float) -> None:
    samples = [{"t": now, "m": {"cpu_used_percent": 12.5}}, {"t": now, "m": {"load1": 1, "odd": "text"}}]
    reply = web.post({"samples": samples}).json()
    assert (reply["ack"], reply["accepted"], len(reply["refused"])) == (None, 2, 1)


def test_nan_is_refused_by_hand_as_in_rows(web: Machine, now: float) -> None:
    reply = web.post(b'{"samples": [{"t": %d, "m": {"cpu_used_percent": NaN, "load1": 2}}]}' % now).json()
    assert reply["accepted"] == 1
    assert reply["refused"] == [{"row": 0, "column": "cpu_used_percent", "error": "not finite"}]


def test_a_sample_is_refused_by_its_place_in_the_post(web: Machine, now: float) -> None:
    samples = [{"t": now, "m": {"a": 1}}, {"t": now, "m": {"b": 1}}, {"t": now + 9999, "m": {"a": 1}}]
    assert [one["row"] for one in web.post({"samples": samples}).json()["refused"]] == [2]


def test_the_parts_of_a_post_keep_their_identities_whatever_is_refused(web: Machine, now: float) -> None:
    """The clock moves on: what was ahead of time is taken when the same post comes again."""
    early = {"t": now + 3600, "m": {"a": 1}}
    posted = {"boot": "b" * 60, "seq": 1, "samples": [early, {"t": now, "m": {"b": 1}}]}
    assert web.post(posted).json()["accepted"] == 1
    early["t"] = now
    assert web.post(posted).json()["accepted"] == 2
    assert sorted(JournalRow.objects.values_list("layout__columns", flat=True)) == [["a"], ["b"]]


def test_refusals_are_told_up_to_a_hundred_and_then_counted(web: Machine, now: float) -> None:
    text = json.dumps(body([[now, 424242, 1]] * 5000)).replace("424242", "1e999")
    refused = web.post(text.encode()).json()["refused"]
    assert len(refused) == 100
    assert refused[-1]["error"] == "and 4901 more were refused"


def test_more_values_than_fit_are_refused_before_they_are_decoded(web: Machine, now: float) -> None:
    columns = [f"m{n}" for n in range(2600)]
    row = [now, *range(2600)]
    for rows, status in ((190, 200), (200, 413), (900, 413)):
        reply = web.post(
            gzip.compress(json.dumps(body([row] * rows, columns)).encode()), **{"content-encoding": "gzip"}
        )
        assert reply.status_code == status
    assert "smaller batches" in reply.json()["detail"]


def test_large_posts_wait_outside_while_too_many_are_in_work(web: Machine, now: float) -> None:
    large = body([[now, 1, 2]], agent="x" * 100_000)
    with limits.bodies.share(web.server.pk) as share:
        share.grow(limits.MOST_OF_ONE)
        reply = web.post(large)
        assert (reply.status_code, reply.headers["retry-after"]) == (503, "5")
        assert web.post(body([[now, 1, 2]])).status_code == 200, "small ones are let in"
    assert web.post({**large, "seq": 2}).status_code == 200
    assert (limits.bodies.held, len(limits.bodies.of_server)) == (0, 0)


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


def test_a_body_that_was_packed_in_parts_is_one(web: Machine, now: float) -> None:
    """Shippers join what they packed one by one."""
    plain = json.dumps(body([[now, 1, 2]])).encode()
    packed = gzip.compress(plain[:40]) + gzip.compress(b"") + gzip.compress(plain[40:])
    assert web.post(packed, **{"content-encoding": "gzip"}).json()["accepted"] == 2
    half = gzip.compress(bytes(9 << 20))
    for bad, status in (
        (half + half, 413),
        (packed[:-3], 400),
        (packed + b"and more", 400),
        (gzip.compress(b"") * 200_000, 400),
    ):
        began = time.process_time()
        assert web.post(bad, **{"content-encoding": "gzip"}).status_code == status
        assert time.process_time() - began < 2 * slow()


def test_bombs_are_refused_before_they_unpack(web: Machine) -> None:
    packer = zlib.compressobj(wbits=31)
    bomb = b"".join([packer.compress(bytes(1 << 20)) for _ in range(64)]) + packer.flush()
    began = time.process_time()
    assert web.post(bomb, **{"content-encoding": "gzip"}).status_code == 413
    assert web.post(bytes(cramjam.zstd.compress(bytes(64 << 20))), **{"content-encoding": "zstd"}).status_code == 413
    lying = bytes(cramjam.zstd.compress(b"x"))
    assert web.post(lying[:4] + b"\xe0" + b"\xff" * 8 + lying[6:], **{"content-encoding": "zstd"}).status_code == 413
    assert time.process_time() - began < 5 * slow()


def test_only_the_servers_own_key_opens_the_door(web: Machine, now: float) -> None:
    for header in ("", "Bearer x", f"Bearer {web.key}x", web.key):
        reply = web.post(body([[now, 1, 2]]), authorization=header)
        assert (reply.status_code, reply.json()["error"]) == (401, "unauthorized")


def test_facts_and_events_are_kept_once(web: Machine, now: float) -> None:
    facts = {"hash": "h", "document": {"os": {"name": "Debian", "version": "12", "family": "linux"}}}
    event = {"t": now, "kind": "spool", "text": "dropped 3", "fields": {}}
    for seq in (1, 2):
        web.post(body([[now, 1, 2]], seq=seq, facts=facts, events=[event]))
    facts["document"]["os"]["version"] = "13"  # type: ignore[index]
    facts["document"]["ports"] = {"22": "sshd"}  # type: ignore[index] # a first look is no change
    web.post(body([[now, 1, 2]], seq=3, facts=facts))
    from servers.models import Change, Event

    web.server.refresh_from_db()
    assert (web.server.os, web.server.family) == ("Debian 13", "linux")
    assert Event.objects.count() == 1
    assert list(Change.objects.values_list("section", "key", "before", "after")) == [("os", "version", "12", "13")]


def test_facts_that_waited_in_a_spool_do_not_overwrite_newer_ones(web: Machine, now: float) -> None:
    for seq, (at, version) in enumerate([(now, "13"), (now - 3600, "12")], 1):
        facts = {"hash": version, "document": {"os": {"name": "Debian", "version": version}}}
        assert web.post(body([[at, 1, 2]], seq=seq, facts=facts)).status_code == 200
    from servers.models import FactSheet

    assert FactSheet.objects.get().document["os"]["version"] == "13"


def test_too_many_facts_and_events_are_refused_and_the_rest_is_kept(web: Machine, now: float) -> None:
    events = [{"t": now, "kind": "k", "text": str(n)} for n in range(1001)]
    facts = {"document": {"a": {str(n): n for n in range(5001)}}}
    reply = web.post(body([[now, 1, 2]], events=events, facts=facts)).json()
    assert (reply["accepted"], {one["column"] for one in reply["refused"]}) == (2, {"facts", "events"})
    from servers.models import Event

    assert Event.objects.count() == 1000
