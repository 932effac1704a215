"""The fast collectors against the kernel's own figures, and on machines shaped like Windows and macOS."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections import namedtuple
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from watchkeeper_agent.collectors import Collectors, base, host, inventory, looking, tcp
from watchkeeper_agent.collectors.disk import mounts

WINDOWS_TIMES = namedtuple("WINDOWS_TIMES", "user system idle interrupt dpc")
MAC_TIMES = namedtuple("MAC_TIMES", "user nice system idle")


@pytest.mark.skipif(sys.platform != "linux", reason="from /proc")
class TestExact:
    def test_memory_is_the_kernels_to_a_page(self) -> None:
        values = Collectors(["memory", "swap"]).sample().values
        rows = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
        kib = {name: int(rows[name].split()[0]) * 1024 for name in ("MemTotal", "MemAvailable", "SwapTotal")}
        assert values["memory_total_bytes"] == kib["MemTotal"]
        assert values["swap_total_bytes"] == kib["SwapTotal"]
        assert values["memory_available_bytes"] == pytest.approx(kib["MemAvailable"], abs=64 << 20)

    def test_disk_space_is_what_df_tells(self) -> None:
        values, disk = Collectors(["disk space"]).sample().values, os.statvfs("/")
        usage = psutil.disk_usage("/")
        assert values['disk_used_percent{mount="/"}'] == pytest.approx(usage.percent, abs=0.2)
        assert values['disk_used_bytes{mount="/"}'] == pytest.approx(usage.used, abs=64 << 20)
        if disk.f_files:
            inodes = 100 * (disk.f_files - disk.f_ffree) / disk.f_files
            assert values['disk_inodes_used_percent{mount="/"}'] == pytest.approx(inodes, abs=0.1)

    def test_processor_time_is_what_was_spent(self) -> None:
        collectors = Collectors(["cpu", "agent"])
        collectors.sample()
        began, spent = time.monotonic(), time.process_time()
        while time.process_time() < spent + 0.3:  # its own: a busy computer gives us less of each second
            pass
        values: dict[str, Any] = collectors.sample().values
        share = 100 * (time.process_time() - spent) / (time.monotonic() - began)
        assert values["agent_cpu_percent"] == pytest.approx(share, rel=0.25)
        assert values["cpu_used_percent"] > 0.75 * share / (os.cpu_count() or 1)
        assert values["cpu_user_percent"] + values["cpu_system_percent"] <= 100.01

    def test_counters_of_cards_are_the_kernels(self) -> None:
        values = Collectors(["network"]).sample().values
        told = {name.split('"')[1] for name in values if "loopback" not in name}
        assert told <= {line.split(":")[0].strip() for line in Path("/proc/net/dev").read_text().splitlines()[2:]}


def times(total: bool, kind: Any, fields: tuple[float, ...]) -> Any:
    return kind(*fields) if total else [kind(*fields)]


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """No /proc, and no counters but those that psutil has everywhere."""
    monkeypatch.setattr(base, "procfs", lambda: str(tmp_path))
    if hasattr(psutil, "sensors_temperatures"):
        monkeypatch.delattr(psutil, "sensors_temperatures")
    monkeypatch.setattr(psutil, "getloadavg", lambda: (0.5, 0.25, 0.125))
    disk = SimpleNamespace(read_count=1, write_count=1, read_bytes=10, write_bytes=20, read_time=1, write_time=1)
    monkeypatch.setattr(psutil, "disk_io_counters", lambda **_: {"PhysicalDrive0": disk})
    return monkeypatch


@pytest.mark.parametrize(
    ("kind", "first", "second"),
    [(WINDOWS_TIMES, (10.0, 5.0, 85.0, 0.0, 0.0), (13.0, 7.0, 90.0, 0.5, 0.5)),
     (MAC_TIMES, (10.0, 0.0, 5.0, 85.0), (13.0, 0.0, 7.0, 90.0))],
)  # fmt: skip
def test_processors_of_other_systems(
    elsewhere: pytest.MonkeyPatch, kind: Any, first: tuple[float, ...], second: tuple[float, ...]
) -> None:
    now = [first]
    elsewhere.setattr(psutil, "cpu_times", lambda percpu=False: times(not percpu, kind, now[0]))
    collectors = Collectors(["cpu", "load", "pressure", "disk traffic", "temperature", "processes"])
    collectors.sample(0.0)
    now[0] = second
    values = collectors.sample(10.0).values
    assert values["cpu_used_percent"] == 50.0
    assert values["cpu_user_percent"] == 30.0
    assert values["cpu_system_percent"] == 20.0
    assert (values["load1"], values["processes"]) == (0.5, len(psutil.pids()))
    assert not [name for name in values if "iowait" in name or "pressure" in name or "util" in name]
    assert values['disk_reads_per_second{device="PhysicalDrive0"}'] == 0
    assert not collectors.off()


def test_drives_of_windows_are_told_without_inodes(elsewhere: pytest.MonkeyPatch) -> None:
    drive = SimpleNamespace(device="C:\\", mountpoint="C:\\", fstype="NTFS")
    elsewhere.setattr(psutil, "disk_partitions", lambda **_: [drive])
    elsewhere.setattr(os.path, "isdir", lambda _: True)
    elsewhere.delattr(os, "statvfs")
    elsewhere.setattr(psutil, "disk_usage", lambda _: SimpleNamespace(used=30, free=70))
    assert "C:\\" in mounts()
    values = Collectors(["disk space"]).sample().values
    assert values['disk_used_percent{mount="C:\\\\"}'] == 30.0
    assert not [name for name in values if "inodes" in name]


def test_what_is_opened_to_install_a_program_is_no_full_disk_of_a_mac(elsewhere: pytest.MonkeyPatch) -> None:
    elsewhere.setattr(sys, "platform", "darwin")
    elsewhere.setattr(os.path, "isdir", lambda _: True)
    parts = [("/dev/disk3s1", "/", "ro,sealed"), ("/dev/disk3s5", "/System/Volumes/Data", "rw,nobrowse"),
             ("/dev/disk3s6", "/System/Volumes/VM", "rw,nobrowse"),
             ("/dev/disk4s1", "/Volumes/Installer", "ro,nodev")]  # fmt: skip
    listed = [SimpleNamespace(device=a, mountpoint=b, fstype="apfs", opts=c) for a, b, c in parts]
    elsewhere.setattr(psutil, "disk_partitions", lambda **_: listed)
    assert mounts() == ["/", "/System/Volumes/Data"]


def test_connections_where_there_is_no_proc(elsewhere: pytest.MonkeyPatch) -> None:
    rows = [SimpleNamespace(status=status) for status in ("ESTABLISHED", "ESTABLISHED", "SYN_RECV", "LISTEN", "NONE")]
    elsewhere.setattr(psutil, "net_connections", lambda **_: rows)
    elsewhere.setattr(tcp, "procfs", lambda: "/nowhere")
    elsewhere.setattr(tcp, "proc", lambda _: "")
    values = Collectors(["tcp"]).sample().values
    states = ("established", "syn_received", "listen", "closing")
    assert [values[f'tcp_connections{{state="{state}"}}'] for state in states] == [2, 1, 1, 0]

    def denied(**_: Any) -> None:
        raise psutil.AccessDenied

    elsewhere.setattr(psutil, "net_connections", denied)
    assert Collectors(["tcp"]).sample().values == {}


def test_uptime_where_there_is_no_proc(elsewhere: pytest.MonkeyPatch) -> None:
    elsewhere.setattr(psutil, "boot_time", lambda: time.time() - 500)
    elsewhere.setattr(psutil, "users", list)
    collectors = Collectors(["uptime"])
    assert collectors.sample().values["uptime_seconds"] == pytest.approx(500, abs=2)
    assert host.Temperature().readable is False


@pytest.mark.parametrize(
    ("system", "address", "words"),
    [
        ("linux", "192.0.2.1", "ping -n -c 1 -W 2"),
        ("linux", "2001:db8::1", "ping -n -c 1 -W 2"),
        ("darwin", "192.0.2.1", "ping -n -c 1 -W 1600"),
        ("darwin", "2001:db8::1", "ping6 -n -c 1"),
        ("win32", "192.0.2.1", "ping -n 1 -w 1600"),
    ],
)
def test_each_systems_ping_is_told_the_wait_in_its_own_measure(
    monkeypatch: pytest.MonkeyPatch, system: str, address: str, words: str
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    assert looking._ping_words(address, 1.6) == words.split()


@pytest.mark.parametrize(
    ("told", "well"),
    [("Reply from 127.0.0.1: bytes=32 time<1ms TTL=128", True),
     ("Reply from 192.0.2.9: Destination host unreachable.", False)],
)  # fmt: skip
def test_a_routers_word_is_no_answer_of_the_machine_that_is_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, told: str, well: bool
) -> None:
    """Windows' ping ends well for both."""
    ping = tmp_path / "ping"
    ping.write_text(f"#!/bin/sh\necho '{told}'\n")
    ping.chmod(0o755)
    monkeypatch.setattr(looking, "which", lambda _: str(ping))
    monkeypatch.setattr(sys, "platform", "win32")
    assert looking.look("ping", {"target": "127.0.0.1", "config": {}}, 2.0, ["127.0.0.0/8"]).ok is well


def test_what_changes_with_each_start_is_no_fact_of_a_windows_machine(elsewhere: pytest.MonkeyPatch) -> None:
    elsewhere.setattr(sys, "platform", "win32")
    listed = [(445, 4, "LISTEN"), (80, 7, "LISTEN"), (80, 8, "LISTEN"), (49664, 7, "LISTEN"), (443, 7, "ESTABLISHED")]
    rows = [SimpleNamespace(laddr=SimpleNamespace(port=port), pid=pid, status=state) for port, pid, state in listed]
    elsewhere.setattr(psutil, "net_connections", lambda **_: rows)
    elsewhere.setattr(
        psutil, "Process", lambda pid: SimpleNamespace(name=lambda: {4: "System"}.get(pid, f"w{pid}.exe"))
    )
    assert inventory._others() == {"tcp 80": "w7.exe, w8.exe", "tcp 445": "System"}
    addresses = [(psutil.AF_LINK, "AA-BB"), (socket.AF_INET, "192.0.2.5"), (socket.AF_INET6, "2001:db8::5")]
    cards = {"Ethernet": [SimpleNamespace(family=family, address=address) for family, address in addresses]}
    elsewhere.setattr(psutil, "net_if_addrs", lambda: cards)
    assert inventory._cards() == {"Ethernet": "192.0.2.5, aa-bb"}
