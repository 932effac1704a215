"""Disks: space and inodes by mount, traffic by device."""

from __future__ import annotations

import os
import re
import sys
from typing import Any

import psutil

from watchkeeper_agent.collectors.base import collector
from watchkeeper_agent.sample import Sample

LOOK_AGAIN = 60.0
# Never full by themselves, or full by nature: images, optical disks, the machinery of others.
PSEUDO = {
    "squashfs",
    "iso9660",
    "udf",
    "cramfs",
    "erofs",
    "nsfs",
    "overlay",
    "tmpfs",
    "devtmpfs",
    "autofs",
    "efivarfs",
}
UNREAL = re.compile(r"^(loop|ram|zram|fd|sr|nbd)\d+")
PART = re.compile(r"^((sd|hd|vd|xvd)[a-z]+\d+|(nvme\d+n\d+|mmcblk\d+)(p|boot)\d*)$")


def mounts() -> list[str]:
    """Where real disks are mounted, each disk once, `/` always."""
    found: dict[str, str] = {}
    for part in psutil.disk_partitions(all=False):
        # A single file bound into a container has the disk's name, too.
        if part.fstype in PSEUDO or _is_macs_own(part) or not os.path.isdir(part.mountpoint):
            continue
        known = found.get(part.device)
        if known is None or len(part.mountpoint) < len(known):
            found[part.device] = part.mountpoint
    places = set(found.values())
    if os.name == "posix":
        places.add("/")  # in a container it is an overlay, and what fills up all the same
    return sorted(places)


def _is_macs_own(part: Any) -> bool:
    """On macOS what is opened to install a program is a disk like any other, but full and only to be read.

    The system's own volumes share the room of the one with the data.
    """
    place = part.mountpoint
    own = place.startswith("/System/Volumes/") and place != "/System/Volumes/Data"
    return sys.platform == "darwin" and (own or "ro" in part.opts.split(","))


@collector("disk space")
class Space:
    """Percentages as `df` tells them: of what may be used, without root's reserve."""

    def __init__(self) -> None:
        self.mounts: list[str] = []
        self.looked: float | None = None

    def collect(self, sample: Sample) -> None:
        if self.looked is None or sample.at - self.looked >= LOOK_AGAIN:
            self.mounts, self.looked = mounts(), sample.at
        for mount in self.mounts:
            try:
                self.one(sample, mount)
            except OSError:
                self.looked = None  # unmounted, or not ours to see: look at the list again

    def one(self, sample: Sample, mount: str) -> None:
        if not hasattr(os, "statvfs"):
            usage = psutil.disk_usage(mount)
            self.put(sample, mount, usage.used, usage.free)
            return
        disk = os.statvfs(mount)
        if disk.f_blocks:
            self.put(sample, mount, (disk.f_blocks - disk.f_bfree) * disk.f_frsize, disk.f_bavail * disk.f_frsize)
        if disk.f_files:  # file systems without a table of inodes say 0
            used = 100 * (disk.f_files - disk.f_ffree) / disk.f_files
            sample.percent("disk_inodes_used_percent", used, mount=mount)

    def put(self, sample: Sample, mount: str, used: int, free: int) -> None:
        sample.put("disk_total_bytes", used + free, mount=mount)
        sample.put("disk_used_bytes", used, mount=mount)
        sample.percent("disk_used_percent", 100 * used / (used + free) if used + free else 0.0, mount=mount)


@collector("disk traffic")
class Traffic:
    """Whole devices only: their parts would count everything twice."""

    def collect(self, sample: Sample) -> None:
        for device, counters in sorted((psutil.disk_io_counters(perdisk=True, nowrap=False) or {}).items()):
            # A slot without a disk stays at zero for ever; it is not worth eight series.
            if not UNREAL.match(device) and not PART.match(device) and counters.read_count + counters.write_count:
                self.one(sample, device, counters)

    def one(self, sample: Sample, device: str, counters: Any) -> None:
        sample.rate("disk_read_bytes_per_second", counters.read_bytes, device=device)
        sample.rate("disk_write_bytes_per_second", counters.write_bytes, device=device)
        sample.rate("disk_reads_per_second", counters.read_count, 2, device=device)
        sample.rate("disk_writes_per_second", counters.write_count, 2, device=device)
        if hasattr(counters, "busy_time"):
            busy = sample.rise(f"busy {device}", counters.busy_time)
            sample.percent("disk_util_percent", busy and busy[0] / busy[1] / 10, device=device)
        waited = sample.rise(f"waited {device}", counters.read_time + counters.write_time)
        done = sample.rise(f"done {device}", counters.read_count + counters.write_count)
        wait = waited[0] / 1000 / done[0] if waited and done and done[0] else None
        if waited and done and not done[0]:
            wait = 0.0  # nothing was asked of it, so nothing waited
        sample.put("disk_await_seconds", wait, 6, device=device)
