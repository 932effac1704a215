"""What the hub's looking costs: 1,000 web addresses every 30 seconds, against a server in a process of its own.

Run: `.venv/bin/python -m bench.checks [COUNT] [SECONDS]`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SERVER = """
import http.server, sys
class Page(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_): pass
    def do_GET(self):
        self.send_response(200); self.send_header("Content-Length", "2"); self.end_headers(); self.wfile.write(b"ok")
made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
print(made.server_address[1], flush=True)
made.serve_forever()
"""


def main(count: int = 1000, seconds: int = 90) -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(
            WATCHKEEPER_DATA=folder,
            WATCHKEEPER_OUTGOING_ALLOW="127.0.0.0/8",
            DJANGO_SETTINGS_MODULE="monitor.settings",
        )
        other = subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True)
        try:
            assert other.stdout is not None
            _run(Path(folder), int(other.stdout.readline()), count, seconds)
        finally:
            other.terminate()
            other.wait(5)


def _run(folder: Path, port: int, count: int, seconds: int) -> None:
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import transaction

    call_command("migrate", verbosity=0)
    from accounts.models import Team
    from checks import services
    from checks.models import Check, Run
    from checks.runner import Runner
    from core.clock import now
    from metrics.models import JournalRow
    from metrics.services import stop, writer

    team = Team.objects.create(name="Bench")
    url = f"http://127.0.0.1:{port}/"
    with transaction.atomic():
        for number in range(count):
            made = Check(team=team, kind="http", name=f"c{number}", target=url, interval=30)
            services.make(made, by=None)
            Run.objects.filter(check_ref=made).update(due_at=services.next_due(made, now()))
    writer()
    runner, end = Runner("bench"), time.monotonic() + seconds
    cpu, began = time.process_time(), time.monotonic()
    while time.monotonic() < end:
        time.sleep(min(1.0, runner.step()))
    runner.flush()
    spent, wall = time.process_time() - cpu, time.monotonic() - began
    rows = JournalRow.objects.count()
    late = sum(run.due_at is not None and run.due_at < now() for run in Run.objects.all())
    runner.end()
    stop(3.0)
    share, each = 100 * spent / wall, 1000 * spent / max(1, rows)
    print(f"{count} checks every 30 s for {wall:.0f} s: {rows} results ({rows / wall:.1f} a second), {late} late")
    print(f"{spent:.1f} s of CPU = {share:.0f} % of one core, {each:.1f} ms each")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
