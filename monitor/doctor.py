"""`doctor`: one line for each thing that could be wrong, with what mends it."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import ssl
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import django
from cryptography import x509
from django.db import DatabaseError, connection

from core import tokens
from core.clock import milliseconds, now
from monitor import env, folder, upgrade
from monitor.env import Environment
from monitor.kept import last_line
from monitor.launch import process, say

QUIET = 60  # seconds that the own agent may be unheard, besides three of its intervals
LOW_DISK = 1 << 30
RENEW_DAYS = 14
LATELY = timedelta(days=1)
TIER_NAMES = {0: "samples", 300: "five minutes", 3600: "hours"}


@dataclass(frozen=True)
class Finding:
    subject: str
    text: str
    mend: str = ""  # what to do; empty when all is well
    idle: bool = False  # nothing is wrong, and still nothing is watched


def main() -> int:
    """Look at everything; the exit status is 0 when nothing needs mending."""
    try:
        environment = env.read()
    except env.Wrong as wrong:
        _tell(Finding("settings", "a value is wrong", str(wrong)))
        return 2
    trouble, idle = 0, False
    for finding in _findings(environment):
        _tell(finding)
        trouble += bool(finding.mend)
        idle = idle or finding.idle
    well = "Nothing to mend, but the product is not running." if idle else "All is well."
    say.line(f"\n{trouble} to mend." if trouble else f"\n{well}")
    return 1 if trouble else 0


def _tell(finding: Finding) -> None:
    mark = "MEND" if finding.mend else "--" if finding.idle else "ok"
    say.line(f"{mark:<5} {finding.subject:<12} {finding.text}{f'. {finding.mend}' if finding.mend else ''}")


def _findings(environment: Environment) -> Iterator[Finding]:
    yield Finding("settings", "every value is usable")
    data = environment.data
    if not data.exists():
        yield Finding("data folder", f"{data} does not exist", "Run ./watchkeeper up, it makes it.")
        return
    for look in (_data_folder, _disk, _database, _port, _clock, _certificate, _agent, _history, _journal):
        yield look(environment)


def _data_folder(environment: Environment) -> Finding:
    data = environment.data
    if not os.access(data, os.R_OK | os.W_OK | os.X_OK):
        return Finding(
            "data folder", f"{data} is not ours to write", "Run as the user that owns it, or change its owner."
        )
    if data.stat().st_mode & 0o077:
        return Finding("data folder", f"{data} is open to others", f"Close it: chmod 700 {data}")
    return Finding("data folder", str(data))


def _disk(environment: Environment) -> Finding:
    usage = shutil.disk_usage(environment.data)
    text = f"{usage.free / (1 << 30):.1f} GiB free, {100 * usage.free // usage.total} %"
    if usage.free < LOW_DISK:
        return Finding("disk", text, "Free at least 1 GiB on the data folder's disk before it stops the product.")
    return Finding("disk", text)


def _database(_: Environment) -> Finding:
    os.environ["DJANGO_SETTINGS_MODULE"] = "monitor.settings"
    django.setup()
    file = upgrade.sqlite_file()
    if file and not file.exists():
        return Finding("database", f"{file} does not exist yet", "Run ./watchkeeper up, it makes it.")
    try:
        found = upgrade.state()
        damage = _damage() if file else ""
    except DatabaseError as error:
        reason = " ".join(str(error).split())[:160]
        return Finding("database", f"cannot be used ({reason})", "Start it, or correct DATABASE_URL.")
    if damage:
        return Finding(
            "database",
            f"is damaged ({damage})",
            "Stop the product and bring a backup back: ./watchkeeper restore FILE.",
        )
    if found.unknown:
        return Finding(
            "database", f"is newer than this version ({found.unknown[0]})", "Run the version that made it."
        )
    if found.pending:
        return Finding("database", f"is {found.pending} steps behind this version", "./watchkeeper up upgrades it.")
    return Finding("database", f"{connection.vendor}, reachable, at this version")


def _damage() -> str:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA quick_check(1)")
        answer = str(cursor.fetchone()[0])
    connection.close()
    return "" if answer == "ok" else answer


def _port(environment: Environment) -> Finding:
    """Held by our product, which then must be ready, or free for it."""
    holder = folder.held(environment.data)
    where = f"{environment.host} port {environment.port}"
    answers = _listening(environment)
    if holder is None and not answers:
        return Finding(
            "product", f"is not running: start it with ./watchkeeper up ({where} is free for it)", idle=True
        )
    if holder is None:
        return Finding("port", f"{where} is taken by another program", "Stop that one, or set WATCHKEEPER_PORT.")
    if not answers:
        return Finding(
            "product",
            f"process {holder.pid} runs but does not listen on {where}",
            "Set WATCHKEEPER_PORT as it was started with.",
        )
    status, text = _readyz(environment)
    if status != 200:
        return Finding(
            "product", f"process {holder.pid} runs but is not ready ({text[:160]})", "Look at what it prints."
        )
    return Finding("product", f"process {holder.pid} runs since {holder.since} and is ready at {holder.address}")


def _target(environment: Environment) -> tuple[str, int]:
    own = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound
    return own.get(environment.host, environment.host), environment.port


def _listening(environment: Environment) -> bool:
    try:
        socket.create_connection(_target(environment), 2).close()
    except OSError:
        return False
    return True


def _readyz(environment: Environment) -> tuple[int, str]:
    host, port = _target(environment)
    if environment.serves_tls:
        # Only whether it answers: its certificate has a line of its own.
        context = ssl._create_unverified_context()  # noqa: S323 - only whether it answers
        asked: http.client.HTTPConnection = http.client.HTTPSConnection(host, port, timeout=5, context=context)
    else:
        asked = http.client.HTTPConnection(host, port, timeout=5)
    try:
        asked.request("GET", "/readyz")
        answer = asked.getresponse()
        return answer.status, answer.read(2000).decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return 0, str(error)
    finally:
        asked.close()


def _clock(environment: Environment) -> Finding:
    """A wrong clock shifts every sample: compare it with our own files and ask the system."""
    newest = max((file.stat().st_mtime for file in environment.data.iterdir()), default=0.0)
    ahead = newest - time.time()
    shown = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
    if ahead > 60:
        return Finding(
            "clock",
            f"{shown}, which is {ahead:.0f} s before our newest file",
            "Set the clock: timedatectl set-ntp true",
        )
    if process.answer(["timedatectl", "show", "-p", "NTPSynchronized", "--value"], seconds=3) == "no":
        return Finding(
            "clock", f"{shown}, not synchronised", "Let it be set from the network: timedatectl set-ntp true"
        )
    return Finding("clock", shown)


def _certificate(environment: Environment) -> Finding:
    if not environment.serves_tls:
        return Finding("certificate", f"none is needed for {environment.url}")
    file = (
        Path(environment.tls.split(",")[0].strip())
        if environment.tls != "auto"
        else environment.data / "tls" / "server.pem"
    )
    try:
        days = (x509.load_pem_x509_certificate(file.read_bytes()).not_valid_after_utc - datetime.now(UTC)).days
    except (OSError, ValueError) as error:
        return Finding(
            "certificate",
            f"{file} cannot be read ({error})",
            "Run ./watchkeeper up, or name another in WATCHKEEPER_TLS.",
        )
    if days < RENEW_DAYS:
        mend = (
            "Start the product again, it renews it."
            if environment.tls == "auto"
            else "Renew it and start the product again."
        )
        return Finding("certificate", f"{days} days left", mend)
    return Finding("certificate", f"{days} days left")


def _history(_: Environment) -> Finding:
    """How far back samples really go; a cap on the disk may leave less than the days that are wished for."""
    from metrics.retention import kept  # noqa: PLC0415 - models need the set-up of the look before

    try:
        tiers = kept()
    except DatabaseError:
        return Finding("history", "cannot be judged without the database", "Mend the database first.")
    told = ", ".join(_since(tier.oldest, tier.days, tier.bytes, TIER_NAMES[tier.tier]) for tier in tiers)
    return Finding("history", told)


def _journal(environment: Environment) -> Finding:
    """Whether everybody reads what comes in; who judges what is unusual goes on without what it left for an hour."""
    from core.models import Cursor  # noqa: PLC0415 - models need the set-up of the look before
    from metrics.behind import stuck  # noqa: PLC0415 - only where that is asked

    try:
        late = stuck(milliseconds()) if folder.held(environment.data) else {}
        lost = list(Cursor.objects.filter(lost_at__gte=now() - LATELY).order_by("name"))
    except DatabaseError:
        return Finding("journal", "cannot be judged without the database", "Mend the database first.")
    told = [f"{name} has not read it for {seconds:.0f} s" for name, seconds in late.items()]
    told += [f"{one.name} went on without {one.lost} rows, last at {one.lost_at:%Y-%m-%d %H:%M} UTC" for one in lost]
    if told:
        return Finding("journal", "; ".join(told), "Look at what the product prints of them, then start it again.")
    return Finding("journal", "read by everybody")


def _since(oldest: int | None, days: int, size: int, name: str) -> str:
    if oldest is None:
        return f"{name} none yet"
    return f"{name} since {datetime.fromtimestamp(oldest / 1000, UTC):%Y-%m-%d} of {days} days ({size >> 20} MiB)"


def _agent(environment: Environment) -> Finding:
    """This machine's own agent: enrolled, known and still trusted."""
    from servers.models import Server  # noqa: PLC0415 - models need the set-up of the look before

    try:
        config = json.loads((environment.data / "agent" / "agent.json").read_text(encoding="utf-8"))
        server = Server.objects.filter(uuid=config["server"]).first()
    except (OSError, ValueError, KeyError):
        return Finding("agent", "this machine is not enrolled", "Run ./watchkeeper up, it enrols it.")
    except DatabaseError:
        return Finding("agent", "cannot be judged without the database", "Mend the database first.")
    if server is None:
        return Finding("agent", "this machine's server was removed", "Start the product again, it enrols it anew.")
    parts = tokens.split(str(config.get("key")), "wka")
    if parts is None or not server.keys.filter(revoked_at=None, key=parts[0]).exists():
        return Finding(
            "agent",
            f"the key this machine's own agent keeps is not one of {server.name}'s live keys, so it is refused",
            "Start the product again, it enrols it anew.",
        )
    log = environment.data / "logs" / "agent.log"
    if silent := _silent(environment, server.pk, server.interval):
        return Finding("agent", f"{silent}. Last line of {log}: {last_line(log)}", "Mend what it says there.")
    return Finding("agent", f"this machine is {server.name}")


def _silent(environment: Environment, server: int, interval: int) -> str:
    """How long nothing came from the own agent of a product that runs; empty while that is as it should be."""
    from metrics.models import Latest  # noqa: PLC0415 - models need the set-up of the look before

    if folder.held(environment.data) is None:
        return ""
    # The product writes down every half minute whom it heard; before that its start counts.
    started = (environment.data / "lock").stat().st_mtime
    row = Latest.objects.filter(server=server).first()
    quiet = time.time() - max(started, row.received / 1000 if row else 0)
    if quiet <= QUIET + 3 * interval:
        return ""
    return f"this machine's own agent has not reported for {quiet / 60:.0f} min"


if __name__ == "__main__":
    sys.exit(main())
