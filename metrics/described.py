"""Every series of our own, described once: unit, meaning, which end is good, and limits to start with."""

from __future__ import annotations

from typing import Literal, NamedTuple

Good = Literal["low", "high", "neither"]


class Described(NamedTuple):
    """A metric in the words an admin uses; `warn` and `critical` are reached at that value."""

    unit: str
    meaning: str
    good: Good = "neither"
    warn: float | None = None
    critical: float | None = None
    labels: tuple[str, ...] = ()


PERCENT, BYTES, SECONDS, RATE, FLOW, COUNT = "%", "B", "s", "1/s", "B/s", ""
_MOUNT, _DEVICE, _NIC, _CHECK, _CONTAINER = ("mount",), ("device",), ("nic",), ("check",), ("container",)
_FIGURE = ("check", "figure")

SERIES: dict[str, Described] = {
    "cpu_used_percent": Described(PERCENT, "Share of all processors' time that was not idle.", "low", 85, 95),
    "cpu_user_percent": Described(PERCENT, "Share of time in programs.", "low"),
    "cpu_system_percent": Described(PERCENT, "Share of time in the kernel, interrupts included.", "low", 30, 50),
    "cpu_iowait_percent": Described(PERCENT, "Share of time idle because a disk was waited for.", "low", 20, 40),
    "cpu_steal_percent": Described(PERCENT, "Share of time the host gave to other machines.", "low", 10, 25),
    "cpu_core_used_percent": Described(PERCENT, "The same for one core.", "low", labels=("core",)),
    "load1": Described(COUNT, "Tasks that ran or waited, mean of a minute.", "low"),
    "load5": Described(COUNT, "Tasks that ran or waited, mean of 5 minutes.", "low"),
    "load15": Described(COUNT, "Tasks that ran or waited, mean of 15 minutes.", "low"),
    "memory_total_bytes": Described(BYTES, "Memory of the machine."),
    "memory_used_bytes": Described(BYTES, "Memory that programs could not get any more.", "low"),
    "memory_available_bytes": Described(BYTES, "Memory that programs can still get.", "high"),
    "memory_used_percent": Described(PERCENT, "Share of memory that is not available.", "low", 90, 97),
    "swap_total_bytes": Described(BYTES, "Swap space."),
    "swap_used_bytes": Described(BYTES, "Swap space in use.", "low"),
    "swap_used_percent": Described(PERCENT, "Share of swap space in use.", "low", 50, 90),
    "pressure_cpu_percent": Described(PERCENT, "Share of time some task waited for a processor.", "low", 40, 70),
    "pressure_memory_percent": Described(PERCENT, "Share of time some task waited for memory.", "low", 10, 30),
    "pressure_io_percent": Described(PERCENT, "Share of time some task waited for a disk.", "low", 40, 70),
    "disk_total_bytes": Described(BYTES, "Space that may be used, without root's reserve.", labels=_MOUNT),
    "disk_used_bytes": Described(BYTES, "Space in use.", "low", labels=_MOUNT),
    "disk_used_percent": Described(PERCENT, "Share of space in use, as df tells it.", "low", 85, 95, _MOUNT),
    "disk_inodes_used_percent": Described(PERCENT, "Share of inodes in use.", "low", 85, 95, _MOUNT),
    "disk_read_bytes_per_second": Described(FLOW, "Read from the device.", "neither", labels=_DEVICE),
    "disk_write_bytes_per_second": Described(FLOW, "Written to the device.", "neither", labels=_DEVICE),
    "disk_reads_per_second": Described(RATE, "Reads finished.", "neither", labels=_DEVICE),
    "disk_writes_per_second": Described(RATE, "Writes finished.", "neither", labels=_DEVICE),
    "disk_util_percent": Described(PERCENT, "Share of time the device was busy.", "low", 80, 95, _DEVICE),
    "disk_await_seconds": Described(SECONDS, "Mean wait of a read or write.", "low", 0.05, 0.2, _DEVICE),
    "net_received_bytes_per_second": Described(FLOW, "Received on the card.", "neither", labels=_NIC),
    "net_sent_bytes_per_second": Described(FLOW, "Sent on the card.", "neither", labels=_NIC),
    "net_received_packets_per_second": Described(RATE, "Packets received.", "neither", labels=_NIC),
    "net_sent_packets_per_second": Described(RATE, "Packets sent.", "neither", labels=_NIC),
    "net_loopback_bytes_per_second": Described(FLOW, "What programs of this machine sent each other.", "neither"),
    "net_loopback_packets_per_second": Described(RATE, "The same in packets.", "neither"),
    "net_errors_per_second": Described(RATE, "Packets that were damaged.", "low", 1, 10, _NIC),
    "net_drops_per_second": Described(RATE, "Packets that were thrown away.", "low", 10, 100, _NIC),
    "tcp_connections": Described(COUNT, "TCP connections in one state.", "neither", labels=("state",)),
    "processes": Described(COUNT, "Processes there are.", "low"),
    "threads": Described(COUNT, "Threads of all processes.", "low"),
    "processes_blocked": Described(COUNT, "Processes that wait for a disk.", "low", 10, 50),
    "top_process_cpu_percent": Described(
        PERCENT, "Processor time of all processes of one name, of one core.", "low", labels=("process",)
    ),
    "top_process_memory_bytes": Described(
        BYTES,
        "Resident memory of all processes of one name; what they share counts for each.",
        "low",
        None,
        None,
        ("process",),
    ),
    "uptime_seconds": Described(SECONDS, "Time since the machine started.", "high"),
    "users_logged_in": Described(COUNT, "Sessions of people."),
    "temperature_celsius": Described("°C", "What a sensor measures.", "low", 80, 95, ("sensor",)),
    "updates_pending": Described(COUNT, "Packages that have an update, as the local lists know.", "low"),
    "updates_security": Described(COUNT, "Updates among them that mend security.", "low", 1, None),
    "reboot_required": Described(COUNT, "1 when installed updates wait for a restart.", "low", 1, None),
    "services_failed": Described(COUNT, "Services that should run and failed.", "low", 1, None),
    "disk_healthy": Described(COUNT, "1 while the disk's own test (SMART) passes.", "high", None, 0, _DEVICE),
    "disk_temperature_celsius": Described("°C", "The disk's own sensor.", "low", 55, 65, _DEVICE),
    "disk_powered_seconds": Described(SECONDS, "Time the disk was switched on.", "neither", labels=_DEVICE),
    "disk_reallocated_sectors": Described(COUNT, "Sectors replaced by spare ones.", "low", 1, 50, _DEVICE),
    "disk_pending_sectors": Described(COUNT, "Sectors that could not be read and wait.", "low", 1, 10, _DEVICE),
    "disk_uncorrectable_sectors": Described(COUNT, "Sectors that are lost.", "low", 1, 10, _DEVICE),
    "disk_media_errors": Described(COUNT, "Reads a solid-state disk could not mend.", "low", 1, 10, _DEVICE),
    "disk_worn_percent": Described(PERCENT, "Share of a solid-state disk's life used up.", "low", 80, 95, _DEVICE),
    "disk_smart_raw": Described(
        COUNT, "A SMART attribute by its number, as the disk keeps it.", "neither", labels=("attribute", "device")
    ),
    "log_matches_per_second": Described(RATE, "Lines of logs that match a pattern.", "low", labels=("pattern",)),
    "log_skipped_bytes_per_second": Described(FLOW, "Written to logs too fast to be read.", "low"),
    "containers_running": Described(COUNT, "Containers that run."),
    "containers_stopped": Described(COUNT, "Containers that do not run."),
    "containers_unhealthy": Described(COUNT, "Containers whose own health check fails.", "low", 1, None),
    "container_cpu_percent": Described(
        PERCENT, "Processor time of a container, of one core.", "low", labels=_CONTAINER
    ),
    "container_memory_bytes": Described(
        BYTES, "Memory of a container without cache that can be given back.", "low", labels=_CONTAINER
    ),
    "check_up": Described(COUNT, "1 while a check is ok or warns, 0 otherwise.", "high", None, 0, _CHECK),
    "check_state": Described(COUNT, "0 ok, 1 warning, 2 critical, 3 unknown.", "low", 1, 2, _CHECK),
    "check_response_seconds": Described(SECONDS, "How long a check took.", "low", labels=_CHECK),
    "check_error_percent": Described(PERCENT, "Share of a check's tries that failed.", "low", 5, 50, _CHECK),
    "check_response_part_seconds": Described(
        SECONDS, "One part of a check: name, connect, tls, first_byte, body.", "low", labels=("check", "part")
    ),
    "check_certificate_seconds_left": Described(
        SECONDS,
        "Until the certificate that a check saw ends; negative: it has ended.",
        "high",
        1_209_600,
        259_200,
        _CHECK,
    ),
    "check_value": Described(COUNT, "A figure a check tells, without a unit.", "neither", labels=_FIGURE),
    "check_value_seconds": Described(SECONDS, "A time a check tells.", "neither", labels=_FIGURE),
    "check_value_percent": Described(PERCENT, "A share a check tells.", "neither", labels=_FIGURE),
    "check_value_bytes": Described(BYTES, "A size a check tells.", "neither", labels=_FIGURE),
    "check_value_total": Described(COUNT, "A counter a check tells, ever growing.", "neither", labels=_FIGURE),
    "agent_cpu_percent": Described(PERCENT, "What the agent itself takes, of one core.", "low", 5, 20),
    "agent_memory_bytes": Described(BYTES, "Resident memory of the agent.", "low"),
    "agent_spool_bytes": Described(BYTES, "What the agent keeps until the hub has it.", "low"),
    "agent_dropped_samples": Described("samples", "Values lost to a cap or damage since enrolment.", "low", 1, None),
    "silent_seconds": Described(SECONDS, "Time since a machine, or one of its series, was heard last.", "low"),
    "condition": Described(COUNT, "1 while a condition over other rules holds.", "low"),
    "clock_skew_seconds": Described(SECONDS, "How far a machine's clock is from ours, as its posts tell.", "low", 30),
    "agent_outdated": Described(COUNT, "1 while a machine's agent is older than the one we hand out.", "low", 1),
    "anomaly_score": Described(COUNT, "How unusual the machine is now; 1 is the limit.", "low", 1, None),
    "anomaly_rate_percent": Described(PERCENT, "Share of metrics that are unusual now.", "low"),
    "forecast_seconds_left": Described(SECONDS, "Time until a metric meets its limit.", "high", 604800, 86400),
    "failure_risk_percent": Described(
        PERCENT, "How likely a critical condition is within a while.", "low", 50, 80, ("horizon",)
    ),
}


def worse_is_high(column: str) -> bool:
    """Which end of a metric is the worse one: of several disks the fullest counts, of free memory the least."""
    known = SERIES.get(column.partition("{")[0])
    return known is None or known.good != "high"


def table() -> str:
    """All of them as a page of the documents."""
    lines = ["| series | unit | meaning | good | warn | critical |", "|---|---|---|---|---|---|"]
    for name, one in SERIES.items():
        labels = f"{{{','.join(one.labels)}}}" if one.labels else ""
        limits = ["" if limit is None else f"{limit:g}" for limit in (one.warn, one.critical)]
        good = "" if one.good == "neither" else one.good
        lines.append(f"| `{name}{labels}` | {one.unit} | {one.meaning} | {good} | {limits[0]} | {limits[1]} |")
    return "\n".join(lines) + "\n"
