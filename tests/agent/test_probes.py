"""Checks that an agent runs for its hub: the order is kept in a file, looked at, and told as samples and events."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from watchkeeper_agent.collectors import looking, probes
from watchkeeper_agent.collectors.base import Absent
from watchkeeper_agent.collectors.options import EVERYWHERE, Options
from watchkeeper_agent.sample import Counters, Sample

from tests.checks.pages import Authority, Banner, Pages

INSIDE = ["127.0.0.0/8"]


@pytest.fixture
def pages() -> Iterator[Pages]:
    with Pages() as served:
        yield served


def wish(kind: str, target: str, **more: Any) -> dict[str, Any]:
    return {"name": "shop", "kind": kind, "target": target, "config": {}, "interval": 10, "timeout": 2, **more}


def collector(folder: Path, *wishes: dict[str, Any]) -> probes.Probes:
    made = probes.Probes()
    made.configure(Options.of({"probe_private": INSIDE}, str(folder)))
    (folder / "probes.json").write_text(json.dumps({"checks": list(wishes)}))
    return made


def look(made: probes.Probes, at: float) -> dict[str, Any]:
    sample = Sample(at, Counters())
    made.collect(sample)
    return sample.values


def test_a_page_is_looked_at_told_and_told_again_when_it_changes(tmp_path: Path, pages: Pages) -> None:
    made = collector(tmp_path, wish("http", pages.url("/"), retries=1))
    values = look(made, 100.0)
    assert values['check_up{check="shop"}'] == 1
    assert values['check_error_percent{check="shop"}'] == 0
    assert values['check_response_part_seconds{check="shop",part="first_byte"}'] is not None
    pages.status = 500
    assert look(made, 105.0)['check_up{check="shop"}'] == 1  # not due
    assert look(made, 111.0)['check_up{check="shop"}'] == 1  # a failure that is not believed yet
    assert made.events == []
    assert look(made, 122.0)['check_up{check="shop"}'] == 0
    assert made.events[0]["text"] == "Check shop is down: It answers 500, not 200-299."
    assert made.events[0]["fields"] == {"check": "shop", "state": "down"}
    pages.status = 200
    assert look(made, 133.0)['check_up{check="shop"}'] == 1
    assert [one["fields"]["state"] for one in made.events] == ["down", "up"]
    (tmp_path / "probes.json").write_text('{"checks": []}')
    with pytest.raises(Absent):
        look(made, 144.0)


@pytest.mark.parametrize(
    ("path", "config", "said"),
    [
        ("/circle", {}, "It redirects in circles."),
        ("/json", {"json": "status.parts[0].ok", "value": "false"}, "status.parts[0].ok is true, not false."),
        ("/json", {"json": "no.such", "value": "1"}, "Its JSON has no no.such."),
        ("/", {"text": "sick"}, "It answers 200, but without 'sick'."),
        ("/moved", {}, "It answers 200."),
        ("/endless", {"text": "never"}, "It answers 200, but without 'never'."),
    ],
)
def test_it_says_what_the_hub_would_say(pages: Pages, path: str, config: dict[str, Any], said: str) -> None:
    assert looking.look("http", {"target": pages.url(path), "config": config}, 2.0, INSIDE).said == said


def test_what_hangs_ends_in_time_and_does_not_hold_up_the_others(tmp_path: Path, pages: Pages) -> None:
    wishes = [wish("http", pages.url("/stuck"), name=f"stuck {number}", timeout=1) for number in range(4)]
    with Banner(b"SSH-2.0\r\n") as ssh:
        good = wish("tcp", f"127.0.0.1:{ssh.port}", config={"expect": "SSH"}, name="ssh")
        began = time.monotonic()
        values = look(collector(tmp_path, *wishes, good), 100.0)
    assert time.monotonic() - began < 4, "one after another they would take four seconds"
    assert values['check_up{check="ssh"}'] == 1
    assert values['check_up{check="stuck 0"}'] == 0


@pytest.mark.parametrize("host", ["169.254.169.254", "[::ffff:169.254.169.254]", "[64:ff9b::a9fe:a9fe]", "[fe80::1]"])
def test_secrets_of_the_machine_are_never_looked_at(host: str) -> None:
    asked = {"target": f"http://{host}/latest/", "config": {}}
    assert "never looked at" in looking.look("http", asked, 1.0, EVERYWHERE).said


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "10.0.0.5", "[::1]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "[fd00::1]"]
)
def test_what_lies_inside_is_looked_at_only_where_the_machines_owner_said_so(host: str) -> None:
    asked = {"target": f"{host}:9", "config": {}}
    assert Options.of({}, "/nowhere").probe_private == []
    assert Options.of({"probe_private": True}, "/nowhere").probe_private == list(EVERYWHERE)
    assert "collect.probe_private" in looking.look("tcp", asked, 1.0).said
    assert "collect.probe_private" in looking.look("tcp", asked, 1.0, ["192.168.0.0/16"]).said
    assert "names no network" in looking.look("tcp", asked, 1.0, ["the cellar"]).said


def test_a_page_that_drips_or_breaks_off_is_not_well(pages: Pages, monkeypatch: Any) -> None:
    asked = {"target": pages.url("/drip"), "config": {}}
    found = looking.look("http", asked, 0.4, INSIDE)
    assert (found.ok, found.said) == (False, f"{pages.url('/drip')} did not answer within 0.4 s.")

    def torn(page: Any) -> None:
        page.send_response(200)
        page.send_header("Content-Length", "100")
        page.end_headers()

    monkeypatch.setattr("tests.checks.pages._Page.do_json", torn)
    assert looking.look("http", {"target": pages.url("/json"), "config": {}}, 1.0, INSIDE).ok is False


def test_a_page_that_drips_over_tls_ends_in_time_as_well(tmp_path: Path) -> None:
    with Pages(Authority(tmp_path).pair(30)) as served:
        began = time.monotonic()
        found = looking.look("http", {"target": served.url("/drip"), "config": {"verify": False}}, 0.5, INSIDE)
        assert (found.ok, time.monotonic() - began < 2) == (False, True)
        assert found.said.endswith("did not answer within 0.5 s.")


def test_what_is_sent_stays_with_its_own_host_and_a_moved_page_is_fetched(pages: Pages, monkeypatch: Any) -> None:
    sent = {"method": "POST", "body": "the order"}
    assert looking.look("http", {"target": pages.url("/moved"), "config": sent}, 2.0, INSIDE).ok
    assert [(path, "Content-Length" in headers) for path, headers in pages.asked] == [
        ("/moved", True),
        ("/here", False),
    ]

    def elsewhere(page: Any) -> None:
        page.say(307, b"", Location=f"http://localhost:{pages.port}/")

    monkeypatch.setattr("tests.checks.pages._Page.do_json", elsewhere)
    said = looking.look("http", {"target": pages.url("/json"), "config": sent}, 2.0, INSIDE).said
    assert said.endswith("and what is sent is for its own host alone.")


def test_what_was_found_long_ago_is_not_told_as_if_it_were_now(tmp_path: Path, pages: Pages) -> None:
    made = collector(tmp_path, wish("http", pages.url("/")))
    assert look(made, 100.0)['check_up{check="shop"}'] == 1
    with made.probes[0].asking:  # a look that hangs
        assert look(made, 111.0)['check_up{check="shop"}'] == 1
        assert look(made, 140.0)['check_up{check="shop"}'] is None
    assert look(made, 145.0)['check_up{check="shop"}'] == 1
    pages.status = 500
    assert look(made, 50.0)['check_up{check="shop"}'] == 0  # the clock was set back: it is looked at all the same


def test_one_trouble_is_told_once(tmp_path: Path, pages: Pages) -> None:
    made, errors = collector(tmp_path, wish("http", pages.url("/"))), 'check_error_percent{check="shop"}'
    look(made, 100.0)
    pages.status = 500
    assert look(made, 111.0)[errors] is None  # it is down, which is more than failing often
    pages.status = 200
    assert look(made, 122.0)[errors] == 0


def test_a_look_that_hangs_is_not_begun_again_beside_itself(monkeypatch: Any) -> None:
    probe = probes.Probe(wish("http", "http://192.0.2.1/"))
    probe.asking.acquire()
    probe.ask(1.0, ())
    assert probe.due == 0.0


def test_a_damaged_file_is_nothing_to_look_at(tmp_path: Path) -> None:
    made = collector(tmp_path)
    assert not made.idle()
    for text in ("{", '{"checks": 5}', '{"checks": [{"name": 1}, {"name": "x", "kind": "rm", "target": "x"}]}'):
        (tmp_path / "probes.json").write_text(text)
        with pytest.raises(Absent):
            look(made, 1.0)
