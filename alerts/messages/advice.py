"""What to do about a metric, in one or two sentences, where the rule's own words say nothing."""

from __future__ import annotations

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from alerts.models import Rule

CPU = _(
    "See which process takes the processor and whether it should. "
    "If the work is wanted, the machine is too small for it."
)
MEMORY = _(
    "See which process grew and restart it if it leaks. If all of them are needed, give the machine more memory "
    "before the kernel ends one of them."
)
SWAP = _("The machine is short of memory: see which process grew. Swap in use slows everything down.")
DISK = _(
    "Find what grew (logs, backups, container images), delete or move it, or make the file system larger. "
    "Programs stop writing when it is full."
)
INODES = _("Find the folder with very many small files, such as a cache or a mail queue, and clean it.")
SLOW_DISK = _("See which process reads or writes most. If it is a backup, move it to a calmer time.")
LOAD = _("More tasks want to run than there are cores: see whether the processor or a disk is what they wait for.")
NETWORK = _(
    "Look at the cable, the port of the switch and the driver; damaged packets are rarely the program's fault."
)
BROKEN_DISK = _("Check that the backups are complete, and replace the disk soon.")
CONTAINER = _("Look at the container's log and at its health check.")
CHECK = _("Open the address yourself. If it answers, compare what the check expects; if not, look at its service.")
AGENT = _("Look at the agent's log on the machine; updating the agent may help.")

BY_METRIC = {
    "cpu_used_percent": CPU, "cpu_user_percent": CPU, "cpu_core_used_percent": CPU, "pressure_cpu_percent": CPU,
    "cpu_system_percent": _("The kernel itself is busy: look at interrupts and network traffic."),
    "cpu_iowait_percent": SLOW_DISK,
    "cpu_steal_percent": _("The host gives the time to other machines: ask the provider, or move the machine."),
    "load1": LOAD, "load5": LOAD, "load15": LOAD,
    "memory_used_percent": MEMORY, "memory_used_bytes": MEMORY, "memory_available_bytes": MEMORY,
    "pressure_memory_percent": MEMORY,
    "swap_used_percent": SWAP, "swap_used_bytes": SWAP,
    "disk_used_percent": DISK, "disk_used_bytes": DISK, "disk_inodes_used_percent": INODES,
    "disk_util_percent": SLOW_DISK, "disk_await_seconds": SLOW_DISK, "pressure_io_percent": SLOW_DISK,
    "processes_blocked": SLOW_DISK,
    "net_errors_per_second": NETWORK, "net_drops_per_second": NETWORK,
    "processes": _("Something starts processes and does not end them: see which name is there most often."),
    "threads": _("Something starts threads and does not end them: see which process has most."),
    "temperature_celsius": _("Look at fans, dust and the room's cooling; switch off what can wait."),
    "disk_temperature_celsius": _("Look at the fans and the room's cooling: heat shortens the life of disks."),
    "uptime_seconds": _("The machine has restarted. If nobody did that, look at its log from just before."),
    "updates_security": _("Install the updates; try them on one machine first."),
    "updates_pending": _("Install the updates at the next quiet time."),
    "reboot_required": _("Restart the machine at the next quiet time: until then the old, unmended version runs."),
    "services_failed": _("On the machine, “systemctl --failed” names the services, and “journalctl -u” the reason."),
    "disk_healthy": BROKEN_DISK, "disk_reallocated_sectors": BROKEN_DISK, "disk_pending_sectors": BROKEN_DISK,
    "disk_uncorrectable_sectors": BROKEN_DISK, "disk_media_errors": BROKEN_DISK, "disk_worn_percent": BROKEN_DISK,
    "containers_unhealthy": CONTAINER, "containers_stopped": CONTAINER,
    "container_cpu_percent": CONTAINER, "container_memory_bytes": CONTAINER,
    "check_certificate_seconds_left": _("Renew the certificate, and see why that did not happen by itself."),
    "failure_risk_percent": _("Look at what speaks for it on the page Capacity, and mend the first of it."),
    "check_up": CHECK, "check_state": CHECK, "check_error_percent": CHECK, "check_response_seconds": CHECK,
    "agent_cpu_percent": AGENT, "agent_memory_bytes": AGENT, "agent_dropped_samples": AGENT,
    "clock_skew_seconds": _("Switch time synchronisation on, such as chrony: until then times in logs are wrong."),
    "agent_outdated": _("Update the agent: run the line under Servers, Add a server, on the machine again."),
    "agent_spool_bytes": _("The agent cannot hand over what it measures: look at its way to the hub."),
    "silent_seconds": _(
        "See whether the machine is on and reachable. If it is, look whether its agent runs and reaches the hub."
    ),
    "anomaly_score": _("Look at the charts around this time: something is different from what was learnt."),
    "anomaly_rate_percent": _("Look at the charts around this time: something is different from what was learnt."),
}  # fmt: skip


def todo(rule: Rule, metric: str, labels: dict[str, str]) -> str:
    """The rule's runbook; else what helps with its metric, or with the one a forecast speaks of."""
    if rule.runbook:
        return str(gettext(rule.runbook))  # those that every team begins with are known in each language
    if rule.kind == "no_data":
        return str(BY_METRIC["silent_seconds"])
    return str(BY_METRIC.get(labels.get("metric", metric) if rule.kind == "forecast" else metric, ""))
