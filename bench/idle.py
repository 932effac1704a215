"""What the embedded profile costs while it watches this machine alone: memory, CPU, time to stop."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from bench._figures import cpu_seconds, pss_mib, row
from tests.product import Product

SECONDS = 60


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        product = Product(Path(folder) / "data")
        began = time.monotonic()
        product.start()
        ready = time.monotonic() - began
        time.sleep(15)
        pid = product.children[0].pid
        spent, at = cpu_seconds(pid), time.monotonic()
        time.sleep(SECONDS)
        share = 100 * (cpu_seconds(pid) - spent) / (time.monotonic() - at)
        memory = pss_mib(pid)
        stopped = product.stop()
        began = time.monotonic()
        product.start()
        again = time.monotonic() - began
        product.stop()
    row("first start to ready, packages there, s", f"{ready:.1f}", "-")
    row("second start to ready, s", f"{again:.1f}", "<= 5")
    row("idle, hub and agent, PSS MiB", f"{memory:.0f}", "<= 150")
    row("idle, hub and agent, % of a core", f"{share:.2f}", "<= 1")
    row("stop, s", f"{stopped:.1f}", "<= 5")
    return 0


if __name__ == "__main__":
    sys.exit(main())
