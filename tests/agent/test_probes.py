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
from watchkeeper_agent.collectors.options import Options
from watchkeeper_agent.sample import Counters, Sample

from tests.checks.pages import Banner, Pages


@pytest.fixture
def pages() -> Iterator[Pages]:
    with Pages() as served:
        yield served


def wish(kind: str, target: str, **more: Any) -> dict[str, Any]:
    return {"name": "shop", "kind": kind, "target": target, "config": {}, "interval": 10, "timeout": 2, **more}


def collector(folder: Path, *wishes: dict[str, Any]) -> probes.Probes:
    made = probes.Probes()
    made.configure(Options.of({}, str(folder)))
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
    assert looking.look("http", {"target": pages.url(path), "config": config}, 2.0).said == said


def test_what_hangs_ends_in_time_and_does_not_hold_up_the_others(tmp_path: Path, pages: Pages) -> None:
    wishes = [wish("http", pages.url("/stuck"), name=f"stuck {number}", timeout=1) for number in range(4)]
    with Banner(b"SSH-2.0\r\n") as ssh:
        good = wish("tcp", f"127.0.0.1:{ssh.port}", config={"expect": "SSH"}, name="ssh")
        began = time.monotonic()
        values = look(collector(tmp_path, *wishes, good), 100.0)
    assert time.monotonic() - began < 3
    assert values['check_up{check="ssh"}'] == 1
    assert values['check_up{check="stuck 0"}'] == 0


def test_secrets_of_the_machine_and_what_its_owner_keeps_private_are_not_looked_at() -> None:
    asked = {"target": "http://169.254.169.254/latest/", "config": {}}
    assert "never looked at" in looking.look("http", asked, 1.0).said
    assert "does not allow" in looking.look("tcp", {"target": "127.0.0.1:9"}, 1.0, private=False).said


def test_a_damaged_file_is_nothing_to_look_at(tmp_path: Path) -> None:
    made = collector(tmp_path)
    assert not made.idle()
    for text in ("{", '{"checks": 5}', '{"checks": [{"name": 1}, {"name": "x", "kind": "rm", "target": "x"}]}'):
        (tmp_path / "probes.json").write_text(text)
        with pytest.raises(Absent):
            look(made, 1.0)
