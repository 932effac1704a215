"""The agent's own file: where the hub is, who we are there, and the key that proves it."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from typing import Any

from watchkeeper_agent.errors import Trouble

Address = tuple[bool, str, int, str]


class Config:
    """Read by `run`, written by `enrol`; the file is for the owner alone, as it holds the key."""

    def __init__(self, path: str, document: dict[str, Any]) -> None:
        folder = os.path.dirname(os.path.abspath(path))
        self.path, self.folder = path, folder
        self.url = str(document["url"]).rstrip("/")
        self.server = str(document["server"])
        self.key = str(document["key"])
        self.interval = float(document.get("interval") or 10)
        self.ca: str | None = document.get("ca") or None
        self.spool = os.path.join(folder, str(document.get("spool") or "spool"))
        self.insecure = bool(document.get("insecure"))
        self.spool_bytes = int(document.get("spool_max_bytes") or 256 << 20)
        self.spool_age = float(document.get("spool_max_days") or 7) * 86_400
        self.collect: dict[str, Any] = dict(document.get("collect") or {})
        self.metric_log: dict[str, Any] = dict(document.get("metric_log") or {})
        self.mail: dict[str, Any] = dict(document.get("mail") or {})
        self.document = document

    def save(self) -> None:
        document = {
            **self.document,  # what people wrote in stays; a spool they named none of goes where the file goes
            "url": self.url,
            "server": self.server,
            "key": self.key,
            "interval": self.interval,
            "ca": self.ca,
            "insecure": self.insecure,
        }
        try:
            replace(self.path, json.dumps(document, indent=2) + "\n")
        except OSError as error:
            raise Trouble(
                f"{self.path} cannot be written ({error.strerror}). Choose a folder that is yours."
            ) from error


def load(path: str) -> Config:
    try:
        with open(path, encoding="utf-8") as file:
            return Config(path, json.load(file))
    except FileNotFoundError as error:
        raise Trouble(f"{path} is not there. Enrol this machine first: paste the line from Add server.") from error
    except OSError as error:
        raise Trouble(f"{path} cannot be read ({error.strerror}). Run the agent as the file's owner.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Trouble(f"{path} is damaged ({error}). Enrol this machine again.") from error


def address(url: str, *, insecure: bool) -> Address:
    """(https?, host, port, path) of one we may send a key to: https, or plain http on this machine itself."""
    parts = _parts(url.rstrip("/"))
    if parts is None:
        raise Trouble(f'"{url}" is not an address of a hub. Write for example https://watch.example.org:8000')
    if not (parts[0] or insecure or _is_loopback(parts[1])):
        raise Trouble(
            f"{url} is not encrypted, so the key could be read on the way. "
            "Use https, or add --insecure to do it anyway."
        )
    return parts


def _parts(url: str) -> Address | None:
    scheme, found, rest = url.partition("://")
    place, slash, path = rest.partition("/")
    if scheme.lower() not in ("http", "https") or not found or not url.isascii() or not url.isprintable():
        return None
    if place.startswith("["):
        host, closed, port = place[1:].partition("]")
        if not closed or ":" not in host:
            return None
    else:
        host, colon, number = place.partition(":")
        port = colon + number
    if not host or set(host) & set(' @?#[]\\"') or set(path) & set(" ?#"):
        return None
    secure = scheme.lower() == "https"
    if port in ("", ":"):
        return secure, host, 443 if secure else 80, slash + path
    if not port[1:].isdigit() or not 0 < int(port[1:]) < 65536 or port[0] != ":":
        return None
    return secure, host, int(port[1:]), slash + path


def _is_loopback(host: str) -> bool:
    numbers = host.split(".")
    four = len(numbers) == 4 and all(one.isdigit() and len(one) <= 3 for one in numbers)
    return host in ("localhost", "::1") or (four and numbers[0] == "127")


def replace(path: str, text: str, mode: int = 0o600) -> None:
    """Replaced whole, never readable by others before it may be, and owned by whom the folder is for.

    Root writes into a folder that is the service's: no link that was put there is followed.
    """
    folder = os.path.dirname(os.path.abspath(path))
    os.makedirs(folder, mode=0o700, exist_ok=True)
    part = path + ".part"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(part)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
        if sys.platform != "win32":
            os.fchmod(descriptor, mode)
            if os.geteuid() == 0:
                # Root enrols, the service runs as its own user.
                owner = os.stat(folder)
                os.fchown(descriptor, owner.st_uid, owner.st_gid)
    os.replace(part, path)
