"""The calm rules a new team begins with: few, late enough to be true; they speak of what machines really tell.

Each looks at a series; machines that do not tell it are simply not meant. Only what cannot wait is critical.
"""

from __future__ import annotations

from django.utils.translation import gettext_noop as _

from alerts.models import Rule

DEFAULTS = (
    Rule(name="Server down", kind="no_data", params={"severity": "critical"}, runbook=_(
        "Look whether the machine runs and has a network; then `systemctl status watchkeeper-agent` on it.")),
    Rule(name="Disk nearly full", metric="disk_used_percent", warn=90, warn_recover=88, critical=96,
         critical_recover=94, for_seconds=60, group_by=["rule", "server"],
         runbook=_("Find what grew: `du -xh --max-depth=2 MOUNT | sort -h | tail`.")),
    Rule(name="Disk runs out of inodes", metric="disk_inodes_used_percent", warn=90, warn_recover=88, critical=97,
         critical_recover=95, for_seconds=300, runbook=_("Look for folders with very many small files.")),
    Rule(name="Memory nearly used up", metric="memory_used_percent", warn=92, warn_recover=88, critical=97,
         critical_recover=93, for_seconds=300),
    Rule(name="Memory pressure", metric="pressure_memory_percent", warn=20, warn_recover=10, critical=50,
         critical_recover=30, for_seconds=300, keep_firing_seconds=60),
    Rule(name="Swap storm", metric="swap_used_percent", warn=80, warn_recover=70, for_seconds=600,
         keep_firing_seconds=300),
    Rule(name="CPU busy for long", metric="cpu_used_percent", warn=95, warn_recover=85, for_seconds=900),
    Rule(name="Load high for its cores", metric="load1", params={"per": "cores"}, warn=2, warn_recover=1.5,
         critical=6, critical_recover=4, for_seconds=600, keep_firing_seconds=120),
    Rule(name="Clock is off", metric="clock_skew_seconds", warn=30, warn_recover=10, for_seconds=300,
         runbook=_("Switch on time synchronisation, such as `timedatectl set-ntp true`.")),
    Rule(name="Services failed", metric="services_failed", warn=0, warn_recover=0, for_seconds=180,
         runbook=_("`systemctl --failed` lists them, `journalctl -u NAME` says why.")),
    Rule(name="Security updates pending", metric="updates_security", warn=0, warn_recover=0, for_seconds=86_400),
    Rule(name="Check down", metric="check_up", labels={"kind": "!heartbeat"}, op="below", critical=0.5,
         critical_recover=0.5, group_by=["rule", "server"],
         runbook=_("Its page says what it found last, and which part took how long.")),
    Rule(name="Check fails often", metric="check_error_percent", warn=20, warn_recover=5, for_seconds=300,
         group_by=["rule", "server"]),
    Rule(name="Certificate ends soon", metric="check_certificate_seconds_left", op="below", warn=14 * 86_400,
         warn_recover=14 * 86_400, critical=3 * 86_400, critical_recover=3 * 86_400, group_by=["rule", "server"],
         runbook=_("Renew the certificate and have the server load it.")),
    Rule(name="Heartbeat missed", metric="check_up", labels={"kind": "heartbeat"}, op="below", critical=0.5,
         critical_recover=0.5, group_by=["rule", "server"],
         runbook=_("Look at the job's own log: its signal did not come, it failed, or it runs too long.")),
    Rule(name="Agent outdated", metric="agent_outdated", warn=0, warn_recover=0, for_seconds=3600,
         runbook=_("Run the installation line again on the machine; it keeps its key.")),
    # Nothing learnt calls anybody by default. A score is of three of five points already; one episode is one alert.
    Rule(name="Unusual behaviour", kind="anomaly", metric="anomaly_score", warn=1, warn_recover=1,
         keep_firing_seconds=600, enabled=False,
         runbook=_("The page Anomalies says which metrics are to blame, and what is usual for them.")),
)  # fmt: skip
