"""Kept connections to the hub's own doors, one a thread, as an agent has one."""

from __future__ import annotations

import contextlib
import http.client
import json
import ssl
import threading
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

PATIENCE = 30.0


@dataclass(frozen=True)
class Answer:
    status: int
    document: dict[str, Any]
    retry: float = 0.0


class Door:
    """Posts JSON; every fault of the line is an OSError."""

    def __init__(self, url: str, ca: str | None = None) -> None:
        self.parts = urlsplit(url)
        self.context = ssl.create_default_context(cafile=ca) if self.parts.scheme == "https" else None
        self.own = threading.local()

    def post(self, path: str, document: dict[str, Any], key: str = "") -> Answer:
        body = json.dumps(document, separators=(",", ":")).encode()
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})}
        try:
            return self._exchange(path, body, headers)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            raise ConnectionError(f"The hub does not answer: {error}") from error

    def _exchange(self, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        if (connection := getattr(self.own, "connection", None)) is None:
            connection = self.own.connection = self._connect()
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        document = json.loads(answer.read() or b"{}")
        if answer.will_close:
            self.close()
        after = answer.getheader("Retry-After") or ""
        found = document if isinstance(document, dict) else {}
        return Answer(answer.status, found, float(after) if after.isdigit() else 0.0)

    def _connect(self) -> http.client.HTTPConnection:
        host, port = self.parts.hostname or "", self.parts.port
        if self.context:
            return http.client.HTTPSConnection(host, port, timeout=PATIENCE, context=self.context)
        return http.client.HTTPConnection(host, port, timeout=PATIENCE)

    def close(self) -> None:
        """That of this thread."""
        connection, self.own.connection = getattr(self.own, "connection", None), None
        if connection:
            with contextlib.suppress(OSError):
                connection.close()
