"""What disks say about their own health (SMART), through smartctl."""

from __future__ import annotations

import json
from typing import Any

from watchkeeper_agent.collectors.base import Absent, Document, collector
from watchkeeper_agent.collectors.child import run, which
from watchkeeper_agent.sample import Sample

PERIOD = 1800.0
MOST_DISKS = 64
# As numbers under which disks that failed were compared with those that did not.
RAW = (5, 9, 187, 188, 193, 194, 197, 198, 241, 242)
ATTRIBUTES = {5: "disk_reallocated_sectors", 197: "disk_pending_sectors", 198: "disk_uncorrectable_sectors"}


@collector("smart", period=PERIOD, root=True)
class Smart:
    """A sleeping disk is not woken; it tells nothing that time."""

    lane = "updates"

    def __init__(self) -> None:
        self.facts: Document = {}

    def collect(self, sample: Sample) -> None:
        program = which("smartctl")
        if program is None:
            raise Absent("smartctl is not installed (package smartmontools).")
        listed = json.loads(run([program, "--scan", "--json"], seconds=60).text or "{}").get("devices") or []
        facts: dict[str, Any] = {}
        for one in listed[:MOST_DISKS]:
            argv = [
                program,
                "--json",
                "-i",
                "-H",
                "-A",
                "-n",
                "standby",
                "-d",
                str(one.get("type")),
                str(one["name"]),
            ]
            told = run(argv, seconds=30)
            # Bits 0 to 2 mean that the disk could not be asked; the others are what it has to say.
            if told.code is not None and not told.code & 3 and told.text:
                name = str(one["name"]).rpartition("/")[2]
                answer = json.loads(told.text)
                put(sample, name, answer)
                facts[name] = describe(answer)
        self.facts = {"smart": facts}
        if not facts:
            raise Absent("No disk here tells SMART attributes.")


def put(sample: Sample, disk: str, told: dict[str, Any]) -> None:
    """The few attributes that foretell a failure, in one form for ATA and NVMe."""
    passed = (told.get("smart_status") or {}).get("passed")
    if passed is not None:
        sample.put("disk_healthy", int(bool(passed)), device=disk)
    degrees = (told.get("temperature") or {}).get("current")
    if degrees is not None:
        sample.put("disk_temperature_celsius", degrees, device=disk)
    hours = (told.get("power_on_time") or {}).get("hours")
    if hours is not None:
        sample.put("disk_powered_seconds", hours * 3600, device=disk)
    _put_attributes(sample, disk, told)
    log = told.get("nvme_smart_health_information_log") or {}
    if "media_errors" in log:
        sample.put("disk_media_errors", log["media_errors"], device=disk)
    if "percentage_used" in log:
        sample.put("disk_worn_percent", log["percentage_used"], 2, device=disk)


def _put_attributes(sample: Sample, disk: str, told: dict[str, Any]) -> None:
    for number, raw in _attributes(told):
        if number in ATTRIBUTES:
            sample.put(ATTRIBUTES[number], raw, device=disk)
        if number in RAW:
            sample.put("disk_smart_raw", raw, attribute=str(number), device=disk)


def _attributes(told: dict[str, Any]) -> list[tuple[int, float | None]]:
    """An ATA disk's own figures. Some pack more than one into two of them, which smartctl knows how to tell apart."""
    plain = {9: (told.get("power_on_time") or {}).get("hours"), 194: (told.get("temperature") or {}).get("current")}
    found = []
    for row in (told.get("ata_smart_attributes") or {}).get("table") or []:
        raw = (row.get("raw") or {}).get("value")
        known = plain.get(row.get("id"))
        found.append((row.get("id"), raw if known is None else known))
    return found


def describe(told: dict[str, Any]) -> str:
    """Model, firmware and size: what changes only with the disk."""
    size = (told.get("user_capacity") or {}).get("bytes")
    words = [told.get("model_name"), told.get("firmware_version"), f"{size / 1e9:.0f} GB" if size else None]
    return ", ".join(str(word) for word in words if word)[:200]
