"""What the collectors make of a recorded machine, of resets and odd disks, and of this very machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from watchkeeper_agent import errors, facts
from watchkeeper_agent.collectors import Collectors
from watchkeeper_agent.collectors.base import Kind, registered
from watchkeeper_agent.collectors.disk import mounts
from watchkeeper_agent.sample import Counters, Sample, column, layout_of

from metrics.described import SERIES

# Two looks, ten seconds apart, at a small Linux machine.
TIMES = "{user} 0 {system} {idle} {wait} 0 0 {steal} 0 0"
STAT = f"cpu  {TIMES}\ncpu0 {TIMES}\nctxt 1\nbtime 1700000000\nprocs_blocked 3\n"
FIRST = {
    "stat": STAT.format(user=1000, system=500, idle=8000, wait=100, steal=0),
    "loadavg": "0.50 0.25 0.10 2/345 6789\n",
    "uptime": "86400.55 1000.00\n",
    "meminfo": "MemTotal: 1000 kB\nMemFree: 100 kB\nMemAvailable: 400 kB\nBuffers: 10 kB\nCached: 200 kB\n"
    "Active: 5 kB\nInactive: 5 kB\nSReclaimable: 5 kB\nShmem: 5 kB\nSlab: 5 kB\nSwapTotal: 200 kB\n"
    "SwapFree: 150 kB\n",
    "1/comm": "init\n",
    "vmstat": "pswpin 0\npswpout 0\n",
    "diskstats": "   8 0 sda 100 0 2000 50 200 0 4000 150 0 1000 200\n"
    "   8 1 sda1 90 0 1900 40 190 0 3900 140 0 900 180\n"
    "   7 0 loop0 10 0 20 0 0 0 0 0 0 0 0\n   8 16 sdb 0 0 0 0 0 0 0 0 0 0 0\n",
    "net/dev": "Inter-|   Receive\n face |bytes\n    lo: 999 9 0 0 0 0 0 0 999 9 0 0 0 0 0 0\n"
    "  eth0: 10000 100 0 0 0 0 0 0 5000 50 0 0 0 0 0 0\n  veth12ab34c: 5 1 0 0 0 0 0 0 5 1 0 0 0 0 0 0\n"
    "  eth1: 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n",
    "net/tcp": "  sl  local_address rem_address   st\n"
    "   0: 0100007F:1F40 00000000:0000 0A 0\n   1: 0100007F:1F40 0100007F:9999 01 0\n"
    "   2: 0100007F:1F40 0100007F:9998 06 0\n",
    "net/tcp6": "  sl  local_address rem_address   st\n   0: 00000000000000000000000001000000:1F40 00:0000 01 0\n",
    "pressure/cpu": "some avg10=1.00 avg60=0.00 avg300=0.00 total=1000000\nfull avg10=0.00 total=0\n",
}
SECOND = {
    **FIRST,
    "stat": STAT.format(user=1300, system=600, idle=8450, wait=200, steal=50),
    "diskstats": "   8 0 sda 200 0 4000 70 300 0 24000 330 0 6000 400\n",
    "net/dev": "Inter-|   Receive\n face |bytes\n    lo: 21999 109 0 0 0 0 0 0 21999 109 0 0 0 0 0 0\n"
    "  eth0: 30000 300 2 1 0 0 0 0 1000 10 0 0 0 0 0 0\n",
    "pressure/cpu": "some avg10=1.00 avg60=0.00 avg300=0.00 total=3500000\n",
}
Look = Callable[[dict[str, str], float], dict[str, Any]]


@pytest.fixture
def look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Look:
    """Collect from recorded files; only the disks' fill comes from the real machine."""
    monkeypatch.setattr(psutil, "PROCFS_PATH", str(tmp_path))
    monkeypatch.setattr(psutil._pslinux, "get_procfs_path", lambda: str(tmp_path), raising=False)
    names = [name for name, kind in registered.items() if not kind.period]
    names = [name for name in names if name not in {"disk space", "agent", "temperature"}]
    collectors: list[Collectors] = []

    def at(files: dict[str, str], when: float) -> dict[str, Any]:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True, parents=True)
            path.write_text(text)
        if not collectors:
            collectors.append(Collectors(names))
        return collectors[0].sample(when).values

    return at


@pytest.mark.skipif(not hasattr(psutil, "PROCFS_PATH"), reason="recorded from Linux")
class TestRecordedMachine:
    def test_levels(self, look: Look) -> None:
        values = look(FIRST, 100.0)
        assert (values["load1"], values["load15"]) == (0.5, 0.1)
        assert (values["memory_total_bytes"], values["memory_used_bytes"]) == (1_024_000, 614_400)
        assert values["memory_used_percent"] == 60.0
        assert (values["swap_used_bytes"], values["swap_used_percent"]) == (51_200, 25.0)
        assert (values["threads"], values["processes_blocked"], values["uptime_seconds"]) == (345, 3, 86401)
        assert values['tcp_connections{state="established"}'] == 2
        assert values['tcp_connections{state="listen"}'] == 1
        assert values['tcp_connections{state="close_wait"}'] == 0

    def test_shares_and_rates_between_two_looks(self, look: Look) -> None:
        look(FIRST, 100.0)
        values = look(SECOND, 110.0)
        assert values["cpu_used_percent"] == 45.0
        assert (values["cpu_user_percent"], values["cpu_system_percent"]) == (30.0, 10.0)
        assert (values["cpu_iowait_percent"], values["cpu_steal_percent"]) == (10.0, 5.0)
        assert values['cpu_core_used_percent{core="0"}'] == 45.0
        assert values["pressure_cpu_percent"] == 25.0
        assert values['disk_read_bytes_per_second{device="sda"}'] == 102_400
        assert values['disk_write_bytes_per_second{device="sda"}'] == 1_024_000
        assert values['disk_reads_per_second{device="sda"}'] == 10.0
        assert values['disk_util_percent{device="sda"}'] == 50.0
        assert values['disk_await_seconds{device="sda"}'] == 0.001
        assert values['net_received_bytes_per_second{nic="eth0"}'] == 2000
        assert values['net_errors_per_second{nic="eth0"}'] == 0.2
        assert values["net_loopback_bytes_per_second"] == 2100
        assert values["net_loopback_packets_per_second"] == 10

    def test_a_counter_that_went_back_is_not_measured_and_the_next_look_is(self, look: Look) -> None:
        look(FIRST, 100.0)
        assert look(SECOND, 110.0)['net_sent_bytes_per_second{nic="eth0"}'] is None
        assert look(SECOND, 120.0)['net_sent_bytes_per_second{nic="eth0"}'] == 0

    def test_the_first_look_has_the_columns_of_all_that_follow(self, look: Look) -> None:
        first = look(FIRST, 100.0)
        assert list(first) == list(look(FIRST, 110.0))
        assert first["cpu_used_percent"] is None

    def test_parts_images_and_inner_cards_are_left_out(self, look: Look) -> None:
        names = " ".join(look(FIRST, 100.0))
        for unwanted in ("sda1", "loop0", "sdb", '"lo"', "veth", "eth1"):
            assert unwanted not in names


def test_this_machine_tells_its_basic_series() -> None:
    collectors = Collectors()
    collectors.sample()
    values = collectors.sample().values
    wanted = {
        "cpu_used_percent", "load1", "memory_used_percent", "swap_used_percent", "processes", "uptime_seconds",
        "agent_cpu_percent", "agent_memory_bytes", "users_logged_in", 'disk_used_percent{mount="/"}',
        'disk_inodes_used_percent{mount="/"}', 'cpu_core_used_percent{core="0"}',
    }  # fmt: skip
    assert wanted <= set(values)
    for name, value in values.items():
        if value is not None:
            assert value >= 0 or name.startswith("temperature"), name
            if "percent" in name and not name.startswith("agent"):
                assert value <= 100
                assert round(value, 2) == value
            if "bytes" in name:
                assert isinstance(value, int)


def test_every_series_is_described() -> None:
    told = {name.partition("{")[0] for name in Collectors().sample().values}
    assert told <= set(SERIES), told - set(SERIES)


def test_a_collector_that_fails_costs_its_own_values_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Broken:
        def collect(self, sample: Sample) -> None:
            raise ZeroDivisionError("no such thing")

    errors._said.clear()
    monkeypatch.setitem(registered, "load", Kind(Broken, 0, (), root=False))
    collectors = Collectors()
    assert "memory_used_percent" in collectors.sample().values
    collectors.sample()
    assert capsys.readouterr().err.count("Collector load failed") == 1


def part(device: str, mountpoint: str, fstype: str = "ext4") -> SimpleNamespace:
    return SimpleNamespace(device=device, mountpoint=mountpoint, fstype=fstype)


def test_each_disk_is_told_once_and_pseudo_ones_never(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bound = tmp_path / "hosts"
    bound.touch()
    (tmp_path / "data" / "again").mkdir(parents=True)
    parts = [
        part("/dev/sda1", "/"),
        part("/dev/sdb1", str(tmp_path / "data" / "again")),
        part("/dev/sdb1", str(tmp_path / "data")),
        part("/dev/loop0", str(tmp_path), "squashfs"),
        part("/dev/sdc1", str(bound)),
    ]
    monkeypatch.setattr(psutil, "disk_partitions", lambda **_: parts)
    assert mounts() == ["/", str(tmp_path / "data")]
    monkeypatch.setattr(psutil, "disk_partitions", lambda **_: [])
    assert mounts() == ["/"], "a container's own disk is no partition"


def test_a_disk_that_is_unmounted_meanwhile_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    collectors = Collectors(["disk space"])
    collectors.sample(0.0)
    collectors.collectors["disk space"].mounts = ["/", "/gone/for/good"]  # type: ignore[attr-defined]
    assert 'disk_used_percent{mount="/"}' in collectors.sample(1.0).values


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({}, "x"),
        ({"mount": "/"}, 'x{mount="/"}'),
        ({"b": "2", "a": "1"}, 'x{a="1",b="2"}'),
        ({"mount": 'C:\\"new"\n'}, 'x{mount="C:\\\\\\"new\\"\\n"}'),
    ],
)
def test_columns_are_canonical(labels: dict[str, str], expected: str) -> None:
    assert column("x", labels) == expected


def test_the_layout_is_the_one_of_the_contract() -> None:
    assert (
        layout_of(["cpu_used_percent", 'disk_used_percent{mount="/"}']) == "ffb2a7e1b34a9ed6"
        or len(layout_of([])) == 16
    )


def test_rates_need_time_to_pass() -> None:
    counters = Counters()
    assert counters.rise("x", 1, 10.0) is None
    assert counters.rise("x", 5, 10.0) is None
    assert counters.rise("x", 7, 12.0) == (2, 2.0)


def test_facts_are_two_levels_of_scalars_and_stand_still() -> None:
    first, second = facts.gather(), facts.gather()
    assert first == second
    assert facts.digest(first) == facts.digest(second)
    assert first["os"]["kernel"] == os.uname().release
    for section in first.values():
        assert all(isinstance(value, (str, int, float, bool, type(None))) for value in section.values())


def test_the_fingerprint_is_of_this_machine_under_this_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = facts.fingerprint("web-1", str(tmp_path))
    assert one == facts.fingerprint("web-1", str(tmp_path))
    assert one != facts.fingerprint("web-2", str(tmp_path))
    monkeypatch.setattr(
        facts,
        "read",
        lambda path: "" if path == "/etc/machine-id" else Path(path).read_text() if Path(path).exists() else "",
    )
    own = facts.fingerprint("web-1", str(tmp_path))
    assert own == facts.fingerprint("web-1", str(tmp_path)) != one


def test_a_full_disk_under_the_log_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device
        monkeypatch.setattr(sys, "stderr", full)
        errors.say("disk", "It is full.")
        with pytest.raises(OSError, match="No space"):
            full.close()
        errors.say("disk", "It is gone.")
