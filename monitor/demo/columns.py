"""Every number a simulated machine reports: the basic series, each following what the machine does."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from monitor.demo import faults
from monitor.demo.cast import GIB, Machine
from monitor.demo.noise import Array, bursts, jitter, unit, wave
from monitor.demo.signals import Signals, signals

Column = tuple[str, Array]
SWAP = 2 * GIB
PAGE = 4096


def table(machine: Machine, times: Array, since: float) -> tuple[list[str], list[list[float]]]:
    """Column names and rows, each row with its time first."""
    known = signals(machine, times, since)
    found = list(_all(known))
    values = np.column_stack([times, *(_rounded(name, np.broadcast_to(v, times.shape)) for name, v in found)])
    return [name for name, _ in found], values.tolist()


def _all(s: Signals) -> Iterator[Column]:
    yield from _cpu(s)
    yield from _memory(s)
    yield from _space(s)
    yield from _traffic(s)
    yield from _network(s)
    yield from _connections(s)
    yield from _host(s)
    yield from _checks(s)
    yield from _containers(s)


def _rounded(name: str, values: Array) -> Array:
    metric = name.partition("{")[0]
    if metric.endswith("_percent"):
        return _places(np.maximum(values, 0), 2)
    if metric.endswith(("_seconds", "_celsius")) or metric.startswith("load"):
        return _places(values, 4 if metric.endswith("_seconds") else 2)
    return _places(np.maximum(values, 0), 2 if metric.endswith("ts_per_second") else 0)


def _places(values: Array, places: int) -> Array:
    return np.asarray(np.round(values, places), np.float64)


def _cpu(s: Signals) -> Iterator[Column]:
    share = 0.24 + 0.05 * wave(s.seed + 11, s.t, 300)
    waiting = 1.6 * s.demand * (s.role.read + s.role.write) / 3e7 + 4 * s.batch * unit(s.seed, s.t.astype(np.int64))
    yield "cpu_used_percent", s.cpu
    yield "cpu_user_percent", s.cpu * (1 - share)
    yield "cpu_system_percent", s.cpu * share
    if not s.role.windows:
        yield "cpu_iowait_percent", np.clip(np.minimum(waiting, 100 - s.cpu), 0, 30)
        stolen = 0.0 if s.role.metal else 0.35
        yield "cpu_steal_percent", stolen * np.clip(wave(s.seed + 12, s.t, 200), 0, 1)
    for core, used in enumerate(_cores(s)):
        yield f'cpu_core_used_percent{{core="{core}"}}', used
    if not s.role.windows:
        queue = s.role.cores / 100 * 1.08
        for minutes, busy in ((1, s.smooth), (5, 0.5 * (s.smooth + s.slow)), (15, s.slow)):
            wild = faults.queued(s.machine, s.t, s.since, minutes)
            yield f"load{minutes}", queue * busy + 1.35 * s.role.cores * wild + 0.3 * s.batch / minutes
        yield "pressure_cpu_percent", np.clip(s.cpu - 62, 0, None) * 0.7
        yield "pressure_memory_percent", np.clip(s.memory - 85, 0, None) * 0.6
        yield "pressure_io_percent", np.clip(waiting * 0.8, 0, 60)


def _cores(s: Signals) -> list[Array]:
    """Unequal, with the machine's mean."""
    uneven = [1 + 0.3 * wave(s.seed + 40 + core, s.t, 45) for core in range(s.role.cores)]
    mean = sum(uneven[1:], uneven[0]) / len(uneven)
    return [np.clip(s.cpu * one / mean, 0, 100) for one in uneven]


def _memory(s: Signals) -> Iterator[Column]:
    total = s.role.memory * GIB
    used = np.floor(s.memory / 100 * total / PAGE) * PAGE
    swap = np.clip(1.5 + 1.2 * wave(s.seed + 13, s.t, 20000) + 4 * np.clip(s.memory - 84, 0, None), 0, 96)
    yield "memory_total_bytes", np.full_like(s.t, total)
    yield "memory_used_bytes", used
    yield "memory_available_bytes", total - used
    yield "memory_used_percent", 100 * used / total
    yield "swap_total_bytes", np.full_like(s.t, SWAP)
    yield "swap_used_bytes", np.floor(swap / 100 * SWAP / PAGE) * PAGE
    yield "swap_used_percent", swap


def _space(s: Signals) -> Iterator[Column]:
    for number, (mount, size, base) in enumerate(s.role.mounts):
        label = f'{{mount="{_escaped(mount)}"}}'
        total = size * GIB
        last = number == len(s.role.mounts) - 1
        filling = faults.filling(s.machine, s.t, s.since) if last else None
        percent = _grown(s, number, base) if filling is None else filling + 0.01 * jitter(s.seed + 14, s.t)
        yield f"disk_total_bytes{label}", np.full_like(s.t, total)
        yield f"disk_used_bytes{label}", np.floor(percent / 100 * total / PAGE) * PAGE
        yield f"disk_used_percent{label}", percent
        if not s.role.windows:
            yield f"disk_inodes_used_percent{label}", 2 + 0.17 * percent


def _grown(s: Signals, number: int, base: float) -> Array:
    """Slowly fuller, with each day's logs on top until they are packed at night."""
    own = unit(s.seed + number, np.array([1, 2]))
    days = (s.t - s.since) / 86400
    grown = ((days + 20) * (0.05 + 0.3 * own[1])) % 14 + 0.5 * ((days + 0.4) % 1)
    return np.asarray(base - 6 + 12 * own[0] + grown, np.float64)


def _traffic(s: Signals) -> Iterator[Column]:
    device = "0 C:" if s.role.windows else "nvme0n1" if s.role.metal else "vda"
    label = f'{{device="{device}"}}'
    read = s.role.read * (s.demand * s.noise(1, 0.3) + 0.7 * s.batch + 9 * s.theft)
    write = s.role.write * (s.demand * s.noise(2, 0.25) + 0.5 * s.batch)
    reads, writes = read / 26_000, write / 19_000
    util = np.clip(100 * (read + write) / (2.6e8 if s.role.metal else 6e7), 0.05, 97)
    yield f"disk_read_bytes_per_second{label}", read
    yield f"disk_write_bytes_per_second{label}", write
    yield f"disk_reads_per_second{label}", reads
    yield f"disk_writes_per_second{label}", writes
    yield f"disk_util_percent{label}", util
    quickest = 0.0004 if s.role.metal else 0.0011
    yield f"disk_await_seconds{label}", quickest * s.noise(3, 0.15) / (1.02 - util / 100)


def _network(s: Signals) -> Iterator[Column]:
    label = '{nic="Ethernet"}' if s.role.windows else '{nic="eno1"}' if s.role.metal else '{nic="eth0"}'
    received = s.role.net_in * s.demand * s.noise(4, 0.12) + 2e3
    sent = s.role.net_out * (s.demand * s.noise(5, 0.12) + 6 * s.theft) + 3e3
    yield f"net_received_bytes_per_second{label}", received
    yield f"net_sent_bytes_per_second{label}", sent
    yield f"net_received_packets_per_second{label}", received / 640 + sent / 2600
    yield f"net_sent_packets_per_second{label}", sent / 980 + received / 2900
    yield f"net_errors_per_second{label}", np.zeros_like(s.t)
    yield f"net_drops_per_second{label}", 0.4 * bursts(s.seed + 15, s.t, 7200, 0.5, 60)


def _connections(s: Signals) -> Iterator[Column]:
    many = (s.role.net_in + s.role.net_out) / 6e4
    for state, count in (
        ("established", 14 + many * s.demand * s.noise(6, 0.05) + 420 * s.theft),
        ("time_wait", many * 0.6 * s.demand * s.noise(7, 0.12)),
        ("close_wait", 2 + 2 * wave(s.seed + 16, s.t, 500)),
        ("listen", np.full_like(s.t, 9 + s.seed % 7)),
    ):
        yield f'tcp_connections{{state="{state}"}}', count


def _host(s: Signals) -> Iterator[Column]:
    people = office_people(s)
    processes = 96 + 6 * s.role.cores + 40 * s.demand + 2 * wave(s.seed + 17, s.t, 60) + 12 * people
    yield "processes", processes
    yield "threads", processes * 2.9 + 30 * s.demand
    if not s.role.windows:
        yield "processes_blocked", np.floor(2.2 * s.batch * unit(s.seed + 18, s.t.astype(np.int64)))
    yield "uptime_seconds", np.floor(s.t - s.since + 86400 * (12 + 80 * unit(s.seed + 19, np.array([1]))[0]))
    yield "users_logged_in", people
    if s.role.metal and not s.role.windows:
        yield 'temperature_celsius{sensor="k10temp Tctl"}', 36 + 0.33 * s.smooth + 0.5 * wave(s.seed + 20, s.t, 90)
    yield "agent_cpu_percent", 0.05 * s.noise(8, 0.2)
    yield "agent_memory_bytes", np.full_like(s.t, 12_582_912 + PAGE * (s.seed % 90))
    yield "agent_spool_bytes", np.zeros_like(s.t)


def office_people(s: Signals) -> Array:
    hour = (s.t + 3600 * s.machine.hours) % 86400 / 3600
    ticks = np.floor(s.t / 1500).astype(np.int64)
    return np.asarray(np.floor(unit(s.seed + 21, ticks) * np.where((hour > 8) & (hour < 18), 2.2, 1.05)), np.float64)


def _checks(s: Signals) -> Iterator[Column]:
    if not s.role.check:
        return
    label = f'{{check="{s.role.check}"}}'
    slow = 0.012 if s.role.check in {"redis", "postgres"} else 0.085
    yield f"check_up{label}", np.ones_like(s.t)
    yield f"check_response_seconds{label}", slow * s.noise(9, 0.12) * (1 + 1.4 * np.clip(s.cpu / 100, 0, 1) ** 3)
    yield f"check_error_percent{label}", 0.9 * bursts(s.seed + 22, s.t, 10800, 0.35, 120)


def _containers(s: Signals) -> Iterator[Column]:
    for number, name in enumerate(s.role.containers):
        part = (0.55, 0.3, 0.12)[number]
        label = f'{{container="{name}"}}'
        uneven = 1 + 0.1 * wave(s.seed + 30 + number, s.t, 80)
        held = s.memory / 100 * s.role.memory * GIB * part * 0.8
        yield f"container_cpu_percent{label}", s.cpu * s.role.cores * part * uneven
        yield f"container_memory_bytes{label}", np.floor(held / PAGE) * PAGE


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
