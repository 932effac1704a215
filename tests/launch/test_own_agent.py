"""The hub's own agent when its key is refused, and a doctor who says so."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from accounts.models import Team
from core import tokens
from core.clock import milliseconds, now
from metrics.models import Latest
from monitor import doctor, env, folder, watchself
from servers.models import AgentKey, Server


@contextmanager
def door(status: int) -> Iterator[str]:
    class Door(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            right = (self.path, self.headers["Authorization"]) == ("/api/v1/orders?wait=0", "Bearer wka_k_s")
            self.send_response(status if right else 400)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with HTTPServer(("127.0.0.1", 0), Door) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def own(folder: Path, url: str) -> tuple[watchself.OwnAgent, list[str]]:
    said: list[str] = []
    (folder / "agent").mkdir(parents=True)
    (folder / "agent" / "agent.json").write_text(json.dumps({"server": "x", "key": "wka_k_s"}))
    return watchself.OwnAgent(folder, url, None, said.append), said


@pytest.mark.parametrize("named", ["original/agent/spool", "here/agent/spool"])
def test_a_folder_that_was_restored_elsewhere_leaves_the_originals_spool_alone(
    db: None, tmp_path: Path, named: str
) -> None:
    agent, _ = own(tmp_path / "here", "http://127.0.0.1:9")
    team = Team.objects.create(name="Ours")
    server = Server.objects.create(team=team, number=1, name="here", hostname="here", fingerprint="f")
    kept = {"url": "u", "server": str(server.uuid), "key": "k", "spool": str(tmp_path / named)}
    agent.config.write_text(json.dumps(kept))
    assert agent._known()
    assert "spool" not in json.loads(agent.config.read_text()), "which is the one beside the file"


def test_a_spool_that_was_moved_to_another_disk_by_hand_stays_there(tmp_path: Path) -> None:
    agent, _ = own(tmp_path, "http://127.0.0.1:9")
    agent._move({"url": "u", "server": "s", "key": "k", "spool": "/mnt/large/rows"})
    assert json.loads(agent.config.read_text())["spool"] == "/mnt/large/rows"


@pytest.mark.parametrize(("status", "enrolled"), [(200, 0), (401, 1)])
def test_a_start_tries_the_kept_key_and_enrols_anew_when_it_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, enrolled: int
) -> None:
    asked: list[bool] = []

    def enrol() -> bool:
        asked.append(True)
        return True

    with door(status) as url:
        agent, _ = own(tmp_path, url)
        monkeypatch.setattr(agent, "_known", lambda: True)
        monkeypatch.setattr(agent, "_enrol", enrol)
        assert agent._enrolled()
    assert len(asked) == enrolled


def test_a_door_that_cannot_answer_is_no_reason_for_a_new_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with door(503) as url:
        agent, said = own(tmp_path, url)
        monkeypatch.setattr(agent, "_known", lambda: True)
        assert not agent._enrolled()
        assert not agent._lost()
    assert said == ["This machine is not being watched: its hub answered 503"]


def test_a_key_refused_while_it_runs_is_replaced_once_an_hour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def enrolled() -> bool:
        done.append("enrolled")
        return True

    agent, said = own(tmp_path, "http://127.0.0.1:9")
    looks = iter([False, False, False, True])
    monkeypatch.setattr(agent.kept.ended, "wait", lambda _seconds: next(looks))
    monkeypatch.setattr(agent, "_lost", lambda: True)
    monkeypatch.setattr(agent, "_enrolled", enrolled)
    monkeypatch.setattr(agent.kept, "again", lambda: done.append("started again"))
    agent._guard()
    assert done == ["enrolled", "started again"]
    assert said == ["This machine's agent was refused and is enrolled anew."]


def test_the_doctor_says_when_the_own_agents_key_is_revoked(db: None, tmp_path: Path) -> None:
    team = Team.objects.create(name="Ours")
    server = Server.objects.create(team=team, number=1, name="here", hostname="here", fingerprint="f")
    token = tokens.make("wka")
    mine = AgentKey.objects.create(server=server, key=token.key, digest=token.digest)
    AgentKey.objects.create(server=server, key="another", digest="d")
    (tmp_path / "agent").mkdir()
    (tmp_path / "agent" / "agent.json").write_text(json.dumps({"server": str(server.uuid), "key": token.clear}))
    environment = env.read({"WATCHKEEPER_DATA": str(tmp_path)})
    assert not doctor._agent(environment).mend
    mine.revoked_at = now()
    mine.save()
    assert "is refused" in doctor._agent(environment).text


def test_an_agent_that_cannot_run_is_not_said_to_watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    agent, said = own(tmp_path, "http://127.0.0.1:9")
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "agent.log").write_text("Watching.\nAnother agent runs.\n")
    monkeypatch.setattr(watchself, "HEARD_WITHIN", 0.0)
    heard = [0]
    monkeypatch.setattr(agent, "_received", lambda: heard[-1])
    looks = iter([False, False, True])

    def wait(_seconds: float) -> bool:
        with agent.log.open("a") as file:
            file.write(f"Trying again for the {len(heard)}. time.\n")  # what it says meanwhile is no new reason
        heard.append(5 if len(heard) == 2 else 0)
        return next(looks)

    monkeypatch.setattr(agent.kept.ended, "wait", wait)
    agent._mind()
    assert len(said) == 2, "the reason is said once"
    assert said[0].startswith("This machine is not being watched: its agent says nothing to us.")
    assert said[0].endswith("agent.log: Another agent runs.")
    assert said[1] == "This machine is being watched."


def test_the_doctor_says_when_the_own_agent_of_a_running_product_is_not_heard(db: None, tmp_path: Path) -> None:
    team = Team.objects.create(name="Ours")
    server = Server.objects.create(team=team, number=1, name="here", hostname="here", fingerprint="f", interval=10)
    token = tokens.make("wka")
    AgentKey.objects.create(server=server, key=token.key, digest=token.digest)
    folder.prepare(tmp_path)
    (tmp_path / "agent" / "agent.json").write_text(json.dumps({"server": str(server.uuid), "key": token.clear}))
    (tmp_path / "logs" / "agent.log").write_text("Another agent runs.\n")
    environment = env.read({"WATCHKEEPER_DATA": str(tmp_path)})
    hold = folder.Hold(tmp_path).take("here")
    try:
        assert not doctor._agent(environment).mend, "it has just begun"
        os.utime(tmp_path / "lock", (0, time.time() - 200))
        found = doctor._agent(environment)
        assert found.mend
        assert "has not reported for 3 min" in found.text
        assert found.text.endswith("Another agent runs.")
        Latest.objects.create(server=server, layout_id=1, received=milliseconds(), at=milliseconds(), values=b"")
        assert not doctor._agent(environment).mend
    finally:
        hold.release()


def test_the_doctor_never_calls_a_stopped_product_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WATCHKEEPER_DATA", str(tmp_path))
    monkeypatch.setattr(doctor, "_listening", lambda _: False)
    monkeypatch.setattr(doctor, "_findings", lambda environment: [doctor._port(environment)])
    assert doctor.main() == 0
    said = capsys.readouterr().out
    assert said.startswith("--    product      is not running")
    assert said.splitlines()[-1] == "Nothing to mend, but the product is not running."
