"""TCP connections by state, asked of the kernel in one breath: its text table costs five times as much."""

from __future__ import annotations

import socket
import struct
import time

import psutil

from watchkeeper_agent.collectors.base import collector, proc, procfs
from watchkeeper_agent.sample import Sample

STATES = {
    1: "established",
    2: "syn_sent",
    3: "syn_received",
    4: "fin_wait1",
    5: "fin_wait2",
    6: "time_wait",
    8: "close_wait",
    9: "last_ack",
    10: "listen",
    11: "closing",
}
NUMBERS = {name.upper().replace("SYN_RECEIVED", "SYN_RECV"): number for number, name in STATES.items()}
SHARE = 5000.0  # looking may cost a five-thousandth of the time that passes
NETLINK, SOCK_DIAG, BY_FAMILY, DUMP = 16, 4, 20, 0x301
DONE, ERROR = 3, 2
HEADER = struct.Struct("=IHHII")
LENGTH = struct.Struct("=IH")
ALL = 0xFFF
PATIENCE = 2.0


@collector("tcp")
class Tcp:
    """A machine of very many connections is asked more rarely, and tells its last counts meanwhile."""

    def __init__(self) -> None:
        self.counts: list[int] | None = None
        self.next = 0.0
        self.by_text = False

    def collect(self, sample: Sample) -> None:
        if self.counts is None or sample.at >= self.next:
            began = time.thread_time()
            self.counts = self.look()
            self.next = sample.at + SHARE * (time.thread_time() - began)
        if self.counts:
            for state, name in STATES.items():
                sample.put("tcp_connections", self.counts[state], state=name)

    def look(self) -> list[int]:
        """How many are in each state, by the kernel's number of it; empty where nothing can be known."""
        if not self.by_text and procfs() == "/proc":
            try:
                return asked()
            except (OSError, AttributeError, struct.error):
                self.by_text = True  # no such system, or it may not be asked this way
        return read_out()


def asked() -> list[int]:
    """By sock_diag."""
    counts = [0] * 256
    with socket.socket(NETLINK, socket.SOCK_RAW, SOCK_DIAG) as line:
        line.settimeout(PATIENCE)
        for family in (socket.AF_INET, socket.AF_INET6):
            question = struct.pack("=BBBBI48s", family, socket.IPPROTO_TCP, 0, 0, ALL, b"")
            line.send(HEADER.pack(HEADER.size + len(question), BY_FAMILY, DUMP, family, 0) + question)
            while count(line.recv(65536), counts):
                pass
    return counts


def count(told: bytes, counts: list[int]) -> bool:
    """Add one datagram's sockets to the counts; False once it was the last."""
    place, end, unpack = 0, len(told), LENGTH.unpack_from
    while place < end:
        size, kind = unpack(told, place)
        if kind == DONE:
            return False
        if kind == ERROR or size < HEADER.size + 2:
            raise OSError("The kernel does not tell its sockets this way.")
        counts[told[place + 17]] += 1
        place += (size + 3) & ~3
    return end > 0


def read_out() -> list[int]:
    """From the text tables, where the kernel is not to be asked."""
    text = proc("net/tcp")
    if not text:
        return other_systems()
    counts = [0] * 256
    for line in text.splitlines()[1:] + proc("net/tcp6").splitlines()[1:]:
        counts[int(line.split(None, 4)[3], 16)] += 1
    return counts


def other_systems() -> list[int]:
    """As psutil tells it; macOS tells it to root alone."""
    counts = [0] * 256
    try:
        for one in psutil.net_connections(kind="tcp"):
            counts[NUMBERS.get(one.status, 0)] += 1
    except (psutil.Error, OSError):
        return []
    return counts
