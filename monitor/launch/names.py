"""Names of files as the caller means them: made absolute before the product moves to its own folder."""

from __future__ import annotations

from collections.abc import MutableMapping
from pathlib import Path

from monitor.launch.say import Trouble

SECRETS = ("WATCHKEEPER_ADMIN_PASSWORD", "WATCHKEEPER_SECRET_KEY", "WATCHKEEPER_URL", "WATCHKEEPER_TOKEN",
           "DATABASE_URL", "REDIS_URL", "METRIC_STORE", "EMAIL_URL")  # fmt: skip
FILES = ("WATCHKEEPER_DATA", *(f"{name}_FILE" for name in SECRETS))
SQLITE = "sqlite:///"


def settle(source: MutableMapping[str, str]) -> None:
    """Make every file that the environment names absolute."""
    for name in FILES:
        if text := source.get(name, "").strip():
            source[name] = absolute(text)
    pair = source.get("WATCHKEEPER_TLS", "").strip()
    if "," in pair:
        source["WATCHKEEPER_TLS"] = ",".join(absolute(part.strip()) for part in pair.split(","))
    database = source.get("DATABASE_URL", "").strip()
    if database.startswith(SQLITE) and (file := database.removeprefix(SQLITE)) and file != ":memory:":
        source["DATABASE_URL"] = SQLITE + absolute(file)


def absolute(text: str) -> str:
    """The same file, wherever the process stands; nothing and names of a home are left as they are."""
    if not text or text.startswith(("/", "~")):
        return text
    try:
        return str(Path(text).absolute())
    except OSError as error:
        raise Trouble(
            f'"{text}" is looked for in the folder you are in, which is gone. Go to another one.'
        ) from error
