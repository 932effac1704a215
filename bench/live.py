"""A fleet that is watched: what a second of it weighs, what 200 tabs cost the hub, and what its page does.

The machines and the tabs run in processes of their own; the CPU of the hub is read from the outside.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import websockets

from bench._figures import cpu_seconds, judged, row, spread
from bench._posts import Work
from bench.ingest import MAKE, WARM
from metrics.names import layout_hash
from tests.product import EMAIL, Product

COLUMNS = [
    "cpu_used_percent", "memory_used_percent", 'disk_used_percent{mount="/"}', 'disk_used_percent{mount="/var"}',
    'net_received_bytes_per_second{nic="eth0"}', 'net_sent_bytes_per_second{nic="eth0"}', "load1",
    *(f"bench_{number:02}" for number in range(23)),
]  # fmt: skip
SIGN_IN = """
import json
from importlib import import_module
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from accounts.models import User
from alerts.models import Rule
# The machines' numbers are walks between 0 and 100: every second disk would be full.
Rule.objects.update(enabled=False)
user = User.objects.get(email={email!r})
made = []
for _ in range({sessions}):
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    made.append(settings.SESSION_COOKIE_NAME + "=" + session.session_key)
print(json.dumps(made))
"""
ASKED = (
    "/", "/list/", "/alerts/", "/rules/", "/rules/new/", "/silences/", "/channels/", "/on-call/", "/record/",
    "/anomalies/", "/capacity/", "/checks/", "/reports/", "/teams/", "/settings/", "/settings/health/", "/me/",
    "/api/v1/fleet/today", "/api/v1/anomalies/now",
)  # fmt: skip
SEQ = re.compile(r'"seq": ?(\d+)')
AT = re.compile(r'"at": ?([\d.]+)')
PAGES = 20
OPENING = 4
OPENED_WITHIN = 240.0


@dataclass
class Tab:
    """What one socket heard of the fleet."""

    seqs: list[int] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    closed: int = 0
    joined: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def missed(self) -> int:
        return self.seqs[-1] - self.seqs[0] + 1 - len(self.seqs) if self.seqs else 0

    async def run(self, url: str, cookie: str, gate: asyncio.Semaphore) -> None:
        """Until it is cancelled; a line that is closed is opened again, as a browser does, and counted."""
        while True:
            try:
                await self._listen(url, cookie, gate)
            except (OSError, websockets.WebSocketException) as error:
                self.closed += 1
                print(f"a line was lost: {error}", file=sys.stderr)
            await asyncio.sleep(0.5)

    async def _listen(self, url: str, cookie: str, gate: asyncio.Semaphore) -> None:
        place = f"ws://{urlsplit(url).netloc}/ws/live"
        headers = {"Cookie": cookie, "Origin": url}
        async with gate:
            line = await websockets.connect(place, additional_headers=headers, compression=None, open_timeout=60)
            await line.send('{"sub": ["fleet", "incidents"]}')
            for _ in range(2):
                self.note(str(await line.recv()))
        self.joined.set()
        async with line:
            async for text in line:
                self.note(str(text))

    def note(self, text: str) -> None:
        seq, at = SEQ.search(text), AT.search(text)
        if '"rows"' in text and seq and at:
            self.seqs.append(int(seq[1]))
            self.sizes.append(len(text))
            self.late.append(time.time() - float(at[1]))

    def forget(self) -> None:
        self.seqs.clear()
        self.sizes.clear()
        self.late.clear()


async def _open(pid: int, url: str, cookies: list[str], tabs: int, seconds: float) -> tuple[float, list[Tab]]:
    """A few at once, as people open their pages; the window begins when all are there. CPU a second, and the tabs."""
    heard, gate = [Tab() for _ in range(tabs)], asyncio.Semaphore(OPENING)
    running = [
        asyncio.create_task(tab.run(url, cookie, gate)) for tab, cookie in zip(heard, cookies, strict=False)
    ]  # fmt: skip
    began = time.monotonic()
    async with asyncio.timeout(OPENED_WITHIN):
        await asyncio.gather(*(tab.joined.wait() for tab in heard))
    if tabs > 1:
        row("  opened within, seconds", f"{time.monotonic() - began:.1f}", "none")
    for tab in heard:
        tab.forget()
    before, began = cpu_seconds(pid), time.monotonic()
    await asyncio.sleep(seconds)
    spent = (cpu_seconds(pid) - before) / (time.monotonic() - began)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    return spent, heard


@contextmanager
def _machines(product: Product, count: int, folder: Path, seconds: float) -> Iterator[None]:
    keys = json.loads(product.manage("shell", "-v", "0", "-c", MAKE.format(servers=count, rules=[])))
    work = Work(f"{product.url}/api/v1/ingest", keys, COLUMNS, layout_hash(COLUMNS), seconds, WARM)
    given = folder / "work.json"
    given.write_text(json.dumps(asdict(work)), encoding="utf-8")
    child = subprocess.Popen([sys.executable, "-m", "bench._posts", str(given)], stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        child.kill()
        child.wait()


def _watched(product: Product, cookies: list[str], tabs: int, seconds: float) -> tuple[float, list[Tab]]:
    """CPU seconds of the hub a second while so many look, and what they heard."""
    return asyncio.run(_open(product.children[0].pid, product.url, cookies, tabs, seconds))


def _page(product: Product, cookie: str, path: str, accept: str, idle: float) -> None:
    pid = product.children[0].pid
    ask = {"Cookie": cookie, "Accept": accept}
    reply = product.request("GET", path, headers=ask)
    if reply.status != 200:
        row(f"{path}: answered", str(reply.status), "200")
        return
    before, began, took = cpu_seconds(pid), time.monotonic(), []
    for _ in range(PAGES):
        start = time.monotonic()
        product.request("GET", path, headers=ask)
        took.append(time.monotonic() - start)
    busy = cpu_seconds(pid) - before - idle * (time.monotonic() - began)
    judged(f"{path} {accept.rpartition('/')[2]}: CPU of the hub, ms", f"{busy / PAGES * 1000:.1f}", "<= 50")
    sizes = f"{len(reply.body) / 1000:.0f} kB, {len(gzip.compress(reply.body, 6)) / 1000:.0f} kB packed"
    row("  its size, and how long it took, seconds", f"{sizes}; {spread(took)}", "none")


def _pages(product: Product, cookie: str, idle: float) -> None:
    listed = product.request("GET", "/api/v1/servers", headers={"Cookie": cookie}).json()["results"]
    _page(product, cookie, "/", "application/json", idle)
    for path in (*ASKED, f"/servers/{listed[0]['id']}/"):
        _page(product, cookie, path, "application/json" if path.startswith("/api/") else "text/html", idle)


@contextmanager
def started(folder: Path) -> Iterator[Product]:
    """The hub, given time: the computer may be busy with other things."""
    product = Product(folder)
    try:
        product.spawn(*product.words, "--no-learning")
        yield product.wait_ready(300)
    finally:
        product.kill()


def main() -> int:
    asked = argparse.ArgumentParser(prog="./watchkeeper bench live", description=__doc__, allow_abbrev=False)
    asked.add_argument("--agents", type=int, default=1000, help="machines that post each ten seconds")
    asked.add_argument("--tabs", type=int, default=200)
    asked.add_argument("--seconds", type=float, default=60.0)
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder, started(Path(folder) / "data") as product:
        code = SIGN_IN.format(email=EMAIL, sessions=max(1, given.tabs))  # a person each, as far as the hub can tell
        cookies = json.loads(product.manage("shell", "-v", "0", "-c", code).splitlines()[-1])
        with _machines(product, given.agents, Path(folder), 10 * given.seconds):
            time.sleep(WARM + 15)
            idle, _ = _watched(product, cookies, 0, 15)
            one, (tab,) = _watched(product, cookies, 1, 20)
            all_, heard = _watched(product, cookies, given.tabs, given.seconds)
            row("hub with nobody looking, CPU s/s", f"{idle:.3f}", "none")
            row("hub with one tab, CPU s/s", f"{one:.3f}", "none")
            row(f"hub with {given.tabs} tabs, CPU s/s", f"{all_:.3f}", "<= 1 (of 2 cores)")
            row("bytes of a second of the fleet", spread(tab.sizes[1:]), "<= 10,000")
            judged("lines that the hub closed", str(sum(tab.closed for tab in heard)), "<= 0")
            judged("ticks that a tab missed, worst", str(max(tab.missed for tab in heard)), "<= 0")
            judged("ticks heard, fewest a second", f"{min(len(t.seqs) for t in heard) / given.seconds:.2f}", ">= 0.9")
            row("from the hub to the tab, seconds", spread([one for tab in heard for one in tab.late]), "p95 <= 0.5")
            _pages(product, cookies[0], idle)
    return 0


if __name__ == "__main__":
    sys.exit(main())
