"""A tiny real hub with scripted answers, over http or https."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from core.tls import Certificate

Said = tuple[int, dict[str, str], Any]
Script = Callable[[str, dict[str, Any]], Said]


def accept(path: str, document: dict[str, Any]) -> Said:
    """What a healthy hub answers."""
    if path.endswith("/enrol"):
        return 201, {}, {"server": "a-server", "key": "wka_id.secret", "interval": 1, "url": "https://elsewhere"}
    return 200, {}, {"ack": document["seq"], "accepted": 1, "refused": [], "interval": 1, "orders": []}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 20
    hub: TinyHub

    def setup(self) -> None:
        super().setup()
        self.hub.connections += 1

    def do_POST(self) -> None:
        document = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.hub.keys.append(self.headers["Authorization"])
        status, headers, answer = self.hub.script(self.path, document)
        self.hub.posts.append((self.path, document))
        self.say(status, headers, answer if isinstance(answer, bytes) else json.dumps(answer).encode())

    def do_GET(self) -> None:
        if self.path.startswith("/api/v1/orders"):
            self.hub.keys.append(self.headers["Authorization"])
            self.answer_orders()
            return
        content = self.hub.files.get(self.path)
        self.say(200 if content else 404, {}, content or b"")

    def answer_orders(self) -> None:
        """Held open until there is one, or the hub of the test ends."""
        hub = self.hub
        if hub.wanted:
            status, headers, answer = hub.wanted()
            self.say(status, headers, answer if isinstance(answer, bytes) else json.dumps(answer).encode())
            return
        with hub.news:
            hub.news.wait_for(lambda: hub.orders or hub.ended, 15)
            orders, hub.orders = hub.orders, []
        self.say(200, {}, json.dumps({"orders": orders}).encode())

    def say(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """A client that refuses our certificate, or dies, is what some tests want."""


class TinyHub:
    """Listens on a free port; `script` decides each answer, `files` are served to GET."""

    def __init__(self, script: Script = accept, certificate: Certificate | None = None, port: int = 0) -> None:
        self.script = script
        self.files: dict[str, bytes] = {}
        self.posts: list[tuple[str, dict[str, Any]]] = []
        self.keys: list[str | None] = []
        self.connections = 0
        self.wanted: Callable[[], Said] | None = None
        self.orders: list[dict[str, Any]] = []
        self.news = threading.Condition()
        self.ended = False
        self.server = _Server(("127.0.0.1", port), type("Bound", (_Handler,), {"hub": self}))
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate.cert, certificate.key)
            self.server.socket = context.wrap_socket(
                self.server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.scheme = "https" if certificate else "http"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))

    def order(self, order: dict[str, Any]) -> None:
        """Hand it to whoever holds a line open."""
        with self.news:
            self.orders.append(order)
            self.news.notify_all()

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server.server_port}"

    @property
    def batches(self) -> list[dict[str, Any]]:
        return [document for path, document in self.posts if path.endswith("/ingest")]

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self.news:
            self.ended = True
            self.news.notify_all()
        self.server.shutdown()
        self.thread.join(5)
        self.server.server_close()
