"""Collectors of other systems and of what this machine has not, on recorded answers and small fakes."""

from __future__ import annotations

import json
import os
import socket
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from watchkeeper_agent.collectors import containers, inventory, packages, services, smart, tcp, top, updates
from watchkeeper_agent.collectors.base import Absent
from watchkeeper_agent.collectors.child import Ended
from watchkeeper_agent.sample import Counters, Sample

APT = """Reading package lists...
Inst libssl3 [3.0.11-1] (3.0.15-1~deb12u1 Debian-Security:12/stable-security [amd64])
Inst base-files [12.4] (12.4+deb12u8 Debian:12.8/stable [amd64]) []
Inst linux-image-6.1.0-28 (6.1.119-1 Debian-Security:12/stable-security [amd64])
Conf libssl3 (3.0.15-1~deb12u1 Debian-Security:12/stable-security [amd64])
"""
DNF = """
kernel.x86_64                 5.14.0-503.15.1.el9_5        baseos
openssl-libs.x86_64           1:3.2.2-6.el9_5              baseos
Obsoleting Packages
old.noarch                    1.0-1                        appstream
"""
ZYPPER = """<?xml version='1.0'?><stream><update-status version="0.6"><update-list>
<update kind="package" name="curl" edition="8.0.1-1" arch="x86_64" edition-old="7.9-1"><summary>x</summary></update>
</update-list></update-status></stream>"""
WINDOWS = (
    '[{"Title":"2026-11 Cumulative Update (KB5000001)","Severity":"Critical"},{"Title":"Driver","Severity":null}]'
)
MAC = """Software Update Tool

Software Update found the following new or updated software:
* Label: macOS Sequoia 15.2-24C101
\tTitle: macOS Sequoia 15.2, Version: 15.2, Size: 6000000KiB, Recommended: YES, Action: restart,
* Label: Security Response 15.2 (a)
"""


@pytest.mark.parametrize(
    ("read", "text", "expected"),
    [
        (packages.apt, APT, [("libssl3", True), ("base-files", False)]),
        (packages.dnf, DNF, [("kernel", False), ("openssl-libs", False)]),
        (packages.zypper, ZYPPER, [("curl", False)]),
        (packages.zypper_patches, ZYPPER, [("curl", True)]),
        (packages.windows, WINDOWS, [("2026-11 Cumulative Update (KB5000001)", True), ("Driver", False)]),
        (packages.windows, '{"Title":"One","Severity":null}', [("One", False)]),
        (packages.windows, "", []),
        (packages.mac, MAC, [("macOS Sequoia 15.2-24C101", False), ("Security Response 15.2 (a)", True)]),
    ],
)
def test_pending_updates_of_each_manager(
    read: Callable[[str], list[packages.Update]], text: str, expected: list[tuple[str, bool]]
) -> None:
    assert [(one.name, one.security) for one in read(text)] == expected


def sampled(one: Any, at: float = 1.0, counters: Counters | None = None) -> dict[str, Any]:
    sample = Sample(at, counters or Counters())
    one.collect(sample)
    values: dict[str, Any] = sample.values
    return values


class Recorded:
    """Instead of children: answers by a word of their arguments."""

    def __init__(self, answers: dict[str, tuple[int | None, str]]) -> None:
        self.answers = answers

    def run(self, argv: list[str], **_: Any) -> Ended:
        for word, (code, text) in self.answers.items():
            if word in argv:
                return Ended(code, text, 0.1)
        raise AssertionError(argv)


class TestUpdates:
    def told(self, monkeypatch: pytest.MonkeyPatch, manager: str, answers: dict[str, tuple[int | None, str]]) -> Any:
        monkeypatch.setattr(updates, "which", lambda name: f"/usr/bin/{name}" if name == manager else None)
        monkeypatch.setattr(updates, "run", Recorded(answers).run)
        one = updates.Updates()
        return sampled(one), one.facts

    def test_apt_tells_both_in_one_answer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        values, facts = self.told(monkeypatch, "apt-get", {"-s": (0, APT)})
        assert values == {"updates_security": 1, "updates_pending": 2}
        assert facts["packages"] == {"manager": "apt"}
        assert list(facts["updates"].items()) == [
            ("libssl3", "3.0.11-1 to 3.0.15-1~deb12u1 (security)"),
            ("base-files", "12.4 to 12.4+deb12u8"),
        ]

    def test_dnf_is_asked_twice_and_says_100_for_some(self, monkeypatch: pytest.MonkeyPatch) -> None:
        only = "openssl-libs.x86_64  1:3.2.2-6.el9_5  baseos\n"
        values, facts = self.told(monkeypatch, "dnf", {"--security": (100, only), "check-update": (100, DNF)})
        assert values == {"updates_security": 1, "updates_pending": 2}
        assert facts["updates"]["openssl-libs"].endswith("(security)")

    def test_lists_that_cannot_be_read_are_absent_not_zero(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for code in (1, None):
            with pytest.raises(Absent, match="cannot tell"):
                self.told(monkeypatch, "dnf", {"check-update": (code, "")})
        with pytest.raises(Absent, match="no package manager"):
            self.told(monkeypatch, "pacman", {})

    def test_the_list_in_the_facts_is_bounded_and_security_comes_first(self, monkeypatch: pytest.MonkeyPatch) -> None:
        many = "".join(f"Inst p{n:03} [1] (2 Debian:12/stable [all])\n" for n in range(80)) + APT
        values, facts = self.told(monkeypatch, "apt-get", {"-s": (0, many)})
        assert values["updates_pending"] == 82
        assert len(facts["updates"]) == 50
        assert next(iter(facts["updates"])) == "libssl3"

    def test_a_restart_that_is_waited_for(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        mark = tmp_path / "reboot-required"
        mark.touch()
        monkeypatch.setattr(updates, "WAITS", (str(mark),))
        assert sampled(updates.Restart()) == {"reboot_required": 1}


SYSTEMD = "nginx.service loaded failed failed A web server\nsnap-x.mount  loaded failed failed Mount\n"
LAUNCHD = "PID\tStatus\tLabel\n300\t0\tcom.apple.x\n-\t78\torg.broken\n-\t0\torg.idle\n-\t-9\torg.killed\n"


def test_failed_services_of_each_manager() -> None:
    assert services.systemd(SYSTEMD) == ["nginx.service", "snap-x.mount"]
    assert services.launchd(LAUNCHD) == ["org.broken"]
    assert services.windows("Spooler\r\nW32Time\r\n\r\n") == ["Spooler", "W32Time"]


@pytest.mark.skipif(sys.platform != "linux", reason="asks systemd")
def test_a_service_that_fails_is_an_event_and_a_fact_and_so_is_its_return(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {"--failed": (0, SYSTEMD)}
    monkeypatch.setattr(services, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(services, "run", Recorded(answers).run)  # type: ignore[arg-type]
    one = services.Services()
    assert sampled(one) == {"services_failed": 2}
    assert one.facts == {"services": {"failed": "nginx.service, snap-x.mount"}}
    answers["--failed"] = (0, "snap-x.mount loaded failed failed Mount\n")
    assert sampled(one) == {"services_failed": 1}
    assert [event["text"] for event in one.events][-1] == "Service nginx.service is not failed any more."
    answers["--failed"] = (1, "")
    with pytest.raises(Absent):
        sampled(one)


ATA = {
    "model_name": "Samsung SSD 860", "firmware_version": "RVT04B6Q", "user_capacity": {"bytes": 500107862016},
    "smart_status": {"passed": True}, "temperature": {"current": 31}, "power_on_time": {"hours": 1000},
    "ata_smart_attributes": {"table": [{"id": 5, "raw": {"value": 3}}, {"id": 197, "raw": {"value": 0}},
                                       {"id": 9, "raw": {"value": 0x1F5_0000_03E8}}, {"id": 1, "raw": {"value": 7}},
                                       {"id": 194, "raw": {"value": 0x2D_0014_001F}},
                                       {"id": 188, "raw": {"value": 0x1_0001_0001}}, {"id": 241, "raw": {}}]},
}  # fmt: skip
NVME = {
    "model_name": "WD SN770", "smart_status": {"passed": False},
    "nvme_smart_health_information_log": {"media_errors": 2, "percentage_used": 17},
}  # fmt: skip


def test_smart_of_ata_and_nvme_disks(monkeypatch: pytest.MonkeyPatch) -> None:
    scan = {"devices": [{"name": "/dev/sda", "type": "sat"}, {"name": "/dev/nvme0", "type": "nvme"},
                        {"name": "/dev/sdb", "type": "sat"}]}  # fmt: skip
    answers = {
        "--scan": (0, json.dumps(scan)),
        "/dev/sda": (0, json.dumps(ATA)),
        "/dev/nvme0": (8, json.dumps(NVME)),
        "/dev/sdb": (2, "{}"),
    }
    monkeypatch.setattr(smart, "which", lambda name: f"/usr/sbin/{name}")
    monkeypatch.setattr(smart, "run", Recorded(answers).run)  # type: ignore[arg-type]
    one = smart.Smart()
    values = sampled(one)
    assert values['disk_healthy{device="sda"}'] == 1
    assert values['disk_healthy{device="nvme0"}'] == 0, "bit 3 says that it fails: that is an answer"
    assert values['disk_reallocated_sectors{device="sda"}'] == 3
    assert values['disk_powered_seconds{device="sda"}'] == 3_600_000
    raws = {5: 3, 9: 1000, 188: 0x1_0001_0001, 194: 31, 197: 0, 241: None}
    assert {name: value for name, value in values.items() if name.startswith("disk_smart_raw")} == {
        f'disk_smart_raw{{attribute="{number}",device="sda"}}': value for number, value in raws.items()
    }
    assert values['disk_worn_percent{device="nvme0"}'] == 17
    assert 'disk_healthy{device="sdb"}' not in values
    assert one.facts == {"smart": {"sda": "Samsung SSD 860, RVT04B6Q, 500 GB", "nvme0": "WD SN770"}}


LISTED = [
    {"Id": "aa11", "Names": ["/web"], "Image": "nginx:1.27", "State": "running", "Status": "Up 2 hours (unhealthy)"},
    {"Id": "bb22", "Names": ["/db"], "Image": "postgres:15", "State": "running", "Status": "Up 2 hours"},
    {"Id": "cc33", "Names": ["/old"], "Image": "busybox", "State": "exited", "Status": "Exited (0)"},
]
STATS = {
    "cpu_stats": {"cpu_usage": {"total_usage": 5_000_000_000}},
    "memory_stats": {"usage": 3000, "stats": {"inactive_file": 1000}},
}


class Engine:
    """A small server on a unix socket that answers as Docker does."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.asked: list[str] = []
        self.answers: dict[str, Any] = {"/containers/json?all=1": LISTED, "/containers/bb22/stats": STATS}
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        self.thread = threading.Thread(target=self.serve)

    def serve(self) -> None:
        while True:
            line, _ = self.listener.accept()
            with line:
                asked = line.recv(4096).decode().split()[1:2]
                if not asked:
                    return
                self.asked += asked
                known = [answer for start, answer in self.answers.items() if asked[0].startswith(start)]
                body = json.dumps(known[0]).encode() if known else b"{}"
                status = "200 OK" if known else "404 Not Found"
                half = len(body) // 2
                pieces = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in (body[:half], body[half:])) + b"0\r\n\r\n"
                head = f"HTTP/1.1 {status}\r\nTransfer-Encoding: chunked\r\n\r\n"
                line.sendall(head.encode() + pieces)

    def close(self) -> None:
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(self.path)
        self.thread.join(5)
        self.listener.close()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    one = Engine(str(tmp_path / "engine.sock"))
    one.thread.start()
    yield one
    one.close()


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no unix sockets")
class TestContainers:
    def made(self, engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> containers.Containers:
        group = tmp_path / "cgroup" / "system.slice" / "docker-aa11.scope"
        group.mkdir(parents=True)
        (group / "cpu.stat").write_text("usage_usec 1000000\nuser_usec 1\n")
        (group / "memory.current").write_text("5000\n")
        (group / "memory.stat").write_text("anon 1\ninactive_file 2000\n")
        monkeypatch.setattr(containers, "GROUPS", str(tmp_path / "cgroup"))
        one = containers.Containers()
        one.sockets = [engine.path]
        return one

    def test_use_comes_from_the_group_or_else_from_the_engine(
        self, engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        one, counters = self.made(engine, monkeypatch, tmp_path), Counters()
        sampled(one, 1.0, counters)
        (tmp_path / "cgroup/system.slice/docker-aa11.scope/cpu.stat").write_text("usage_usec 6000000\n")
        values = sampled(one, 11.0, counters)
        assert values['container_cpu_percent{container="web"}'] == 50.0
        assert values['container_memory_bytes{container="web"}'] == 3000
        assert values['container_cpu_percent{container="db"}'] == 0.0
        assert values['container_memory_bytes{container="db"}'] == 2000
        counts = [values[f"containers_{state}"] for state in ("running", "stopped", "unhealthy")]
        assert counts == [2, 1, 1]
        assert one.facts == {"containers": {"db": "postgres:15", "old": "busybox", "web": "nginx:1.27"}}
        assert not [asked for asked in engine.asked if "aa11" in asked]

    def test_version_one_groups_are_read_too(
        self, engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        one = self.made(engine, monkeypatch, tmp_path)
        for resource, name, text in (
            ("cpuacct", "cpuacct.usage", "2000000000"),
            ("memory", "memory.usage_in_bytes", "700"),
            ("memory", "memory.stat", "total_inactive_file 200\n"),
        ):
            folder = tmp_path / "cgroup" / resource / "docker" / "bb22"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        assert sampled(one)['container_memory_bytes{container="db"}'] == 500

    def test_one_that_ends_meanwhile_costs_nothing(
        self, engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        one = self.made(engine, monkeypatch, tmp_path)
        del engine.answers["/containers/bb22/stats"]
        assert 'container_cpu_percent{container="db"}' not in sampled(one)

    def test_no_socket_is_silent_and_a_closed_one_says_what_to_do(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        one = containers.Containers()
        one.sockets = [str(tmp_path / "none")]
        with pytest.raises(Absent, match=r"^$"):
            sampled(one)

        def closed(*_: Any) -> None:
            raise PermissionError

        one.sockets = [str(tmp_path)]
        monkeypatch.setattr(containers, "ask", closed)
        with pytest.raises(Absent, match="group"):
            sampled(one)


class TestTop:
    def test_shares_are_summed_by_name_and_names_stand_still(self, monkeypatch: pytest.MonkeyPatch) -> None:
        looks = [
            {1: ("web", 10.0, 100 << 20), 2: ("web", 20.0, 100 << 20), 3: ("idle", 5.0, 1 << 20)},
            {1: ("web", 16.0, 100 << 20), 2: ("other", 3.0, 50 << 20), 3: ("idle", 5.0, 1 << 20)},
        ]
        monkeypatch.setattr(top, "look", lambda: looks.pop(0))
        one, counters = top.Top(), Counters()
        first = sampled(one, 0.0, counters)
        assert first == {'top_process_memory_bytes{process="web"}': 200 << 20}
        second = sampled(one, 60.0, counters)
        assert second['top_process_cpu_percent{process="web"}'] == 10.0
        assert second['top_process_cpu_percent{process="other"}'] == 5.0, (
            "a number that was taken over starts at zero"
        )
        assert not [name for name in second if "idle" in name]

    def test_few_places_and_a_newcomer_takes_one_in_ten_minutes(self) -> None:
        places = top.Places(1.0)
        crowd = {f"p{number}": 10.0 + number for number in range(8)}
        assert places.choose(crowd, 0.0) == ["p7", "p6", "p5", "p4", "p3"]
        assert "new" not in places.choose({**crowd, "new": 18.0}, 60.0), "not enough above the least"
        assert "new" in places.choose({**crowd, "new": 90.0}, 120.0)
        assert "newer" not in places.choose({**crowd, "new": 90.0, "newer": 95.0}, 180.0)
        assert "newer" in places.choose({**crowd, "new": 90.0, "newer": 95.0}, 800.0)

    def test_names_that_change_with_each_start_do_not_make_series(self) -> None:
        assert top.name_of("kworker/0:1H-kblockd") == "kworker"
        assert top.name_of("worker-12345") == "worker-N"
        assert top.name_of("python3") == "python3"

    def test_this_very_process_is_seen_as_psutil_sees_it(self) -> None:
        name, spent, resident = top.look()[os.getpid()]
        me = psutil.Process()
        assert name == top.name_of(me.name())
        assert spent == pytest.approx(sum(me.cpu_times()[:2]), abs=0.5)
        assert resident == pytest.approx(me.memory_info().rss, rel=0.2)
        assert top._others()[os.getpid()][0] == name


@pytest.mark.skipif(sys.platform != "linux", reason="Linux asks its kernel")
class TestTcp:
    def test_real_connections_are_counted(self) -> None:
        before = tcp.asked()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            lines = [socket.create_connection(listener.getsockname()) for _ in range(20)]
            here = [listener.accept()[0] for _ in lines]
            counts = tcp.asked()
            for one in lines + here:
                one.close()
        ports = {name: number for number, name in tcp.STATES.items()}
        assert counts[ports["established"]] - before[ports["established"]] == pytest.approx(40, abs=20)
        assert sum(counts) > 40

    def test_a_refusal_turns_to_the_text_table(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refused() -> list[int]:
            raise OSError

        monkeypatch.setattr(tcp, "asked", refused)
        one = tcp.Tcp()
        assert 'tcp_connections{state="listen"}' in sampled(one)
        assert one.by_text

    def test_many_are_looked_at_more_rarely(self, monkeypatch: pytest.MonkeyPatch) -> None:
        one = tcp.Tcp()
        looks: list[int] = []

        def look() -> list[int]:
            looks.append(sum(range(3_000_000)))
            return [1] * 256

        monkeypatch.setattr(one, "look", look)
        for at in (0.0, 10.0, 20.0):
            sampled(one, at)
        assert len(looks) == 1

    def test_the_kernels_refusal_is_not_an_endless_wait(self) -> None:
        with pytest.raises(OSError, match="does not tell"):
            tcp.count(struct.pack("=IHHIIi", 20, 2, 0, 1, 0, -2), [0] * 256)
        assert tcp.count(b"", [0] * 256) is False


PASSWD = "root:x:0:0::/root:/bin/bash\ndaemon:x:1:1::/:/usr/sbin/nologin\nann:x:1000:1000::/home/ann:\n# note\n"


class TestInventory:
    def test_who_may_log_in(self) -> None:
        assert inventory.accounts(PASSWD) == {"root": "uid 0, /bin/bash", "ann": "uid 1000, /bin/sh"}

    def test_addresses_that_pass_are_left_out(self) -> None:
        rows = (
            "fd000000000000000000000000000002 02 40 00 80 eth0\nfd000000000000000000000000000009 02 40 00 01 eth0\n"
        )
        assert inventory.temporary(rows) == {"fd00::9"}

    def test_disks_by_model_and_size(self, tmp_path: Path) -> None:
        for name, size in (("sda", "1000000000"), ("loop0", "5"), ("sdb", "0")):
            (tmp_path / name / "device").mkdir(parents=True)
            (tmp_path / name / "size").write_text(f"{size}\n")
            (tmp_path / name / "device" / "model").write_text("Disk  of Steel \n")
        assert inventory.disks(str(tmp_path)) == {"sda": "Disk of Steel, 512.0 GB"}

    @pytest.mark.skipif(sys.platform != "linux", reason="from /proc")
    def test_a_listening_port_is_told_with_its_program(self) -> None:
        with socket.create_server(("", 0)) as listener:
            port = f"tcp {listener.getsockname()[1]}"
            one = inventory.Ports()
            sampled(one)
            assert one.facts["ports"][port] == Path("/proc/self/comm").read_text().strip()
        sampled(one)
        assert port not in one.facts["ports"]

    def test_elsewhere_psutil_is_asked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        row = SimpleNamespace(status="LISTEN", laddr=SimpleNamespace(port=135), pid=os.getpid())
        monkeypatch.setattr(psutil, "net_connections", lambda **_: [row])
        assert inventory._others() == {"tcp 135": psutil.Process().name()}

        def denied(**_: Any) -> None:
            raise psutil.AccessDenied

        monkeypatch.setattr(psutil, "net_connections", denied)
        with pytest.raises(Absent, match="root"):
            inventory._others()
