"""How this machine's agent is, in sentences: asked of the files it leaves and of the hub itself."""

from __future__ import annotations

import json
import time
from typing import Any

from watchkeeper_agent.config import Config
from watchkeeper_agent.errors import Trouble
from watchkeeper_agent.lock import is_locked
from watchkeeper_agent.post import Hub

OLD = 180.0  # the file is written each minute at least


def status(config: Config) -> tuple[bool, list[str]]:
    """Whether all is well, and the sentences to print."""
    known = _left(config)
    runs = is_locked(config.spool)
    reached, hub = _hub(config)
    lines = [hub, _running(runs, known)]
    if not known:
        return runs and reached, lines
    then = f"As of {_ago(known)} ago: "
    lines += [then + _acknowledged(known), then + _spool(known)]
    lines += [f"Wrong: {text}" for text in known.get("said", {}).values()]
    lines += [f"Not measured, {name}: {why}" for name, why in sorted(known.get("off", {}).items())]
    return runs and reached and not known.get("trouble"), lines


def _left(config: Config) -> dict[str, Any]:
    try:
        with open(f"{config.spool}/status", encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _hub(config: Config) -> tuple[bool, str]:
    hub = Hub(config.url, "", config.ca, insecure=config.insecure)
    began = time.monotonic()
    try:
        answer = hub.get("/healthz")
    except Trouble as trouble:
        return False, f"The hub is not reached: {trouble}"
    finally:
        hub.close()
    if answer.status >= 500:
        return False, f"The hub at {config.url} answers, but is not well ({answer.status})."
    return True, f"The hub at {config.url} answers in {1000 * (time.monotonic() - began):.0f} ms."


def _running(runs: bool, known: dict[str, Any]) -> str:
    if not runs:
        return "The agent does not run. Start its service, or paste the line from Add server again."
    if not known:
        return "The agent runs, and has not written its state yet. Ask again in a minute."
    text = f"The agent {known.get('version')} runs as process {known.get('pid')}, "
    text += f"every {known.get('interval', 0):g} s with {known.get('series')} values."
    if abs(time.time() - float(known.get("at") or 0)) > OLD:
        text += " Its state is old: it hangs, its disk is full, or the clock was changed."
    return text


def _acknowledged(known: dict[str, Any]) -> str:
    at, trouble = known.get("acked_at"), known.get("trouble")
    if trouble:
        return f"Reports do not arrive: {trouble}"
    if not at:
        return "The hub has acknowledged nothing since the agent started."
    ago = max(0.0, float(known.get("at") or 0) - float(at))
    return f"The hub acknowledged the last report {ago:.0f} s before."


def _ago(known: dict[str, Any]) -> str:
    """How old the state is."""
    seconds = max(0.0, time.time() - float(known.get("at") or 0))
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _spool(known: dict[str, Any]) -> str:
    waiting, held = known.get("waiting", 0), known.get("held", 0)
    waits = {0: "Nothing waits", 1: "1 row waits"}
    text = f"{waits.get(waiting) or f'{waiting} rows wait'} to be sent"
    text += f" ({held} of them in memory alone)" if held else ""
    text += f"; the spool holds {known.get('spool_bytes', 0) / 1024:.0f} KiB."
    if known.get("dropped_rows"):
        rows = "1 row" if known["dropped_rows"] == 1 else f"{known['dropped_rows']} rows"
        text += f" Lost since it was enrolled: {rows} ({known['dropped_samples']} values)."
    return text
