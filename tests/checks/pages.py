"""Real web servers on loopback that are well, slow, broken, endless, moved in circles, or badly certified."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NO_LIMIT = 50_000_000


class _Page(BaseHTTPRequestHandler):
    def log_message(self, *_args: Any) -> None:
        pass

    def do_GET(self) -> None:
        served: Pages = self.server.pages  # type: ignore[attr-defined]
        served.asked.append((self.path, dict(self.headers)))
        name = "do_" + self.path.strip("/").split("/")[0].split("?")[0]
        getattr(self, name, self.do_other)()

    do_HEAD = do_GET  # noqa: N815 - as http.server calls it

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.do_GET()

    def say(self, status: int, body: bytes = b"all is well", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_other(self) -> None:
        self.say(self.server.pages.status)  # type: ignore[attr-defined]

    def do_json(self) -> None:
        self.say(200, json.dumps({"status": {"parts": [{"ok": True, "name": "db"}]}}).encode())

    def do_broken(self) -> None:
        self.say(500, b"it is broken")

    def do_slow(self) -> None:
        time.sleep(0.3)
        self.say(200)

    def do_stuck(self) -> None:
        self.server.pages.over.wait(10)  # type: ignore[attr-defined]

    def do_circle(self) -> None:
        self.say(302, b"", Location="/circle2")

    def do_circle2(self) -> None:
        self.say(302, b"", Location="/circle")

    def do_moved(self) -> None:
        self.say(301, b"", Location="/here")

    def do_away(self) -> None:
        self.say(302, b"", Location="http://10.1.2.3/inside")

    def do_many(self) -> None:
        self.say(302, b"", Location=f"{self.path}/x")

    def do_endless(self) -> None:
        self.send_response(200)
        self.end_headers()
        sent = 0
        while sent < NO_LIMIT and not self.server.pages.over.is_set():  # type: ignore[attr-defined]
            try:
                sent += self.wfile.write(b"x" * 65536)
            except OSError:
                break
        self.server.pages.sent = sent  # type: ignore[attr-defined]

    def do_drip(self) -> None:
        self.send_response(200)
        self.end_headers()
        while not self.server.pages.over.wait(0.05):  # type: ignore[attr-defined]
            try:
                self.wfile.write(b".")
            except OSError:
                break


class Pages:
    """One server; with a certificate it speaks TLS."""

    def __init__(self, pair: tuple[Path, Path] | None = None) -> None:
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _Page)
        self.server.daemon_threads = True
        self.server.pages = self  # type: ignore[attr-defined]
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.over, self.status, self.sent = threading.Event(), 200, 0
        if pair:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*pair)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.scheme = "https" if pair else "http"
        self.port: int = self.server.server_address[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.over.set()
        self.server.shutdown()
        self.server.server_close()

    def url(self, path: str = "/") -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}{path}"


class Banner(threading.Thread):
    """A TCP server that says one line to whoever comes."""

    def __init__(self, line: bytes) -> None:
        super().__init__(daemon=True)
        self.line, self.listening = line, socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listening.getsockname()[1]

    def run(self) -> None:
        while True:
            try:
                taken, _ = self.listening.accept()
            except OSError:
                return
            with taken:
                taken.sendall(self.line)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.listening.shutdown(socket.SHUT_RDWR)  # else whoever waits in accept keeps it open
        self.listening.close()


class Authority:
    """An authority of our own, and certificates by it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.key = folder, ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])
        start = datetime.now(UTC) - timedelta(days=400)
        made = self._builder(self.name, self.key, start, 4000).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        self.certificate = made.sign(self.key, hashes.SHA256())
        self.path = folder / "ca.pem"
        self.path.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def _builder(self, name: x509.Name, key: Any, start: datetime, days: float) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder().subject_name(name).issuer_name(self.name).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(start)
            .not_valid_after(start + timedelta(days=days))
        )  # fmt: skip

    def pair(self, days: float, *, host: str = "127.0.0.1") -> tuple[Path, Path]:
        """Of a certificate that ends in so many days; negative: it has ended."""
        key = ec.generate_private_key(ec.SECP256R1())
        start = datetime.now(UTC) - timedelta(days=200)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        names: list[x509.GeneralName] = (
            [x509.IPAddress(ip_address(host))] if host[0].isdigit() else [x509.DNSName(host)]
        )
        made = self._builder(subject, key, start, 200 + days)
        made = made.add_extension(x509.SubjectAlternativeName(names), critical=False)
        certificate = made.sign(self.key, hashes.SHA256())
        at = self.folder / f"{host}-{days}.pem"
        at.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        secret = self.folder / f"{host}-{days}.key"
        secret.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return at, secret
