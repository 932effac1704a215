"""What a machine has and who may enter it: facts alone, looked up now and then."""

from __future__ import annotations

import contextlib
import os
import socket
import sys

import psutil

from watchkeeper_agent.collectors.base import Absent, Document, Scalar, collector, proc, procfs, read
from watchkeeper_agent.collectors.disk import PART, UNREAL, mounts
from watchkeeper_agent.collectors.network import CONTAINER_END, INNER
from watchkeeper_agent.sample import Sample

PERIOD = 900.0
MOST = 100
EPHEMERAL = 32768
DYNAMIC = 49152  # from here on Windows and macOS pick ports anew at each start
LISTEN, UNCONNECTED = "0A", "07"
NO_SHELL = ("nologin", "false", "sync", "shutdown", "halt")
TEMPORARY = 0x01

Pairs = dict[str, Scalar]


@collector("hardware", period=PERIOD)
class Hardware:
    """Disks, where they are mounted, network cards and their lasting addresses."""

    def __init__(self) -> None:
        self.facts: Document = {}

    def collect(self, sample: Sample) -> None:
        del sample
        facts = {"disks": disks("/sys/block"), "mounts": _mounted(), "nics": _cards()}
        self.facts = {section: dict(list(pairs.items())[:MOST]) for section, pairs in facts.items() if pairs}


def disks(folder: str) -> Pairs:
    """Model and size of each real disk."""
    found: Pairs = {}
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        size = read(f"{folder}/{name}/size").strip()
        if UNREAL.match(name) or PART.match(name) or not size.isdigit() or size == "0":
            continue
        model = " ".join(read(f"{folder}/{name}/device/model").split())
        found[name] = f"{model}, {int(size) * 512 / 1e9:.1f} GB".lstrip(", ")
    return found


def _mounted() -> Pairs:
    parts = {part.mountpoint: f"{part.fstype} on {part.device}" for part in psutil.disk_partitions(all=False)}
    return {mount: parts.get(mount, "") for mount in mounts()}


def _cards() -> Pairs:
    passing = temporary(proc("net/if_inet6"))
    found: Pairs = {}
    for nic, addresses in sorted(psutil.net_if_addrs().items()):
        if INNER.match(nic) or CONTAINER_END.match(nic):
            continue
        known = sorted({one.address.partition("%")[0].lower() for one in addresses if _lasts(one.family)})
        lasting = [one for one in known if one not in passing and not one.startswith("fe80:")]
        found[nic] = ", ".join(lasting)[:300]
    return found


def _lasts(family: int) -> bool:
    """Other systems than Linux do not tell which addresses of version 6 are made up anew each day."""
    return family != socket.AF_INET6 or sys.platform.startswith("linux")


def temporary(text: str) -> set[str]:
    """Addresses of version 6 that a machine makes up anew each day, from /proc/net/if_inet6."""
    rows = [line.split() for line in text.splitlines()]
    made_up = [int(row[0], 16) for row in rows if len(row) > 4 and int(row[4], 16) & TEMPORARY]
    if not made_up:
        return set()
    import ipaddress  # noqa: PLC0415 - costs memory, and most machines have none

    return {str(ipaddress.IPv6Address(number)) for number in made_up}


@collector("accounts", period=PERIOD, platforms=("linux", "darwin"))
class Accounts:
    """Who may log in with a shell; the lists of a directory server are not walked."""

    def __init__(self) -> None:
        self.facts: Document = {}

    def collect(self, sample: Sample) -> None:
        del sample
        self.facts = {"users": accounts(read("/etc/passwd"))}


def accounts(text: str) -> Pairs:
    found: Pairs = {}
    for line in text.splitlines():
        fields = line.split(":")
        if len(fields) == 7 and fields[6].rpartition("/")[2] not in NO_SHELL and not line.startswith("#"):
            found[fields[0]] = f"uid {fields[2]}, {fields[6] or '/bin/sh'}"
    return dict(sorted(found.items())[:MOST])


@collector("ports", period=2 * PERIOD)
class Ports:
    """Ports that are listened on, with the program's name where we may see it (its own user, or root)."""

    def __init__(self) -> None:
        self.facts: Document = {}

    def collect(self, sample: Sample) -> None:
        del sample
        if sys.platform.startswith("linux"):
            open_ports = listening()
            names = _owners({inode for _, _, inode in open_ports}) if open_ports else {}
            programs: dict[tuple[str, int], set[str]] = {}
            for kind, port, inode in open_ports:
                programs.setdefault((kind, port), set()).update({names.get(inode, "")} - {""})
            pairs = {f"{kind} {port}": ", ".join(sorted(programs[kind, port])) for kind, port in sorted(programs)}
        else:
            pairs = _others()
        self.facts = {"ports": {port: pairs[port] for port in list(pairs)[:MOST]}}


def listening() -> set[tuple[str, int, str]]:
    """(tcp or udp, port, inode) from the kernel's tables; ports that are picked anew each time are left out."""
    found = set()
    for table, state in (("tcp", LISTEN), ("tcp6", LISTEN), ("udp", UNCONNECTED), ("udp6", UNCONNECTED)):
        for line in proc(f"net/{table}").splitlines()[1:]:
            fields = line.split(None, 10)
            if len(fields) < 10 or fields[3] != state:
                continue
            address, _, port = fields[1].rpartition(":")
            inner = address in ("0100007F", "00000000000000000000000001000000")
            if int(port, 16) < EPHEMERAL or (not inner and state == LISTEN):
                found.add((table[:3], int(port, 16), fields[9]))
    return found


def _owners(inodes: set[str]) -> dict[str, str]:
    wanted = {f"socket:[{inode}]": inode for inode in inodes}
    found: dict[str, str] = {}
    for pid in os.listdir(procfs()):
        if not pid.isdigit():
            continue
        try:
            handles = os.listdir(f"{procfs()}/{pid}/fd")
        except OSError:
            continue
        for handle in handles:
            try:
                inode = wanted.get(os.readlink(f"{procfs()}/{pid}/fd/{handle}"))
            except OSError:
                continue
            if inode:
                found[inode] = proc(f"{pid}/comm").strip()
        if len(found) == len(wanted):
            break
    return found


def _others() -> dict[str, str]:
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.AccessDenied as error:
        raise Absent("Listening ports are for root alone to see here.") from error
    ports = {(one.laddr.port, one.pid) for one in connections if one.status == "LISTEN" and one.laddr.port < DYNAMIC}
    names: dict[int, set[str]] = {}
    for port, pid in ports:
        names.setdefault(port, set())
        with contextlib.suppress(psutil.Error):
            names[port] |= {psutil.Process(pid).name()} if pid else set()
    return {f"tcp {port}": ", ".join(sorted(names[port])) for port in sorted(names)}
