"""From another host: the pasted line, the agent, the login, the socket and the alert's link, all over our https.

The other host is a network namespace of its own behind a pair of virtual cards; only root can make one.
"""

from __future__ import annotations

import base64
import contextlib
import ctypes
import hashlib
import html
import http.client
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from websockets.sync.client import connect
from websockets.typing import Origin

from tests.product import EMAIL, Product, WebhookSink, until
from tests.services import not_here

T = TypeVar("T")
CLONE_NEWNET = 0x40000000
PASSWORD = "a long password 1"
ELSEWHERE = "beyond-1"


class OtherHost:
    """A namespace with one card; `here` and `there` are the two ends of the cable."""

    def __init__(self) -> None:
        mark = os.getpid() % 60_000
        self.name, self.card = f"wk-{mark}", f"wk{mark}"
        # A /30 of our own in the range for private benches, so that two test runs do not meet.
        block = f"10.213.{mark % 256}.{mark // 256 * 4 % 252}"
        base, last = block.rsplit(".", 1)
        self.here, self.there = f"{base}.{int(last) + 1}", f"{base}.{int(last) + 2}"

    def make(self) -> None:
        for words in (
            f"netns add {self.name}",
            f"link add {self.card}a type veth peer name {self.card}b netns {self.name}",
            f"addr add {self.here}/30 dev {self.card}a",
            f"link set {self.card}a up",
            f"-n {self.name} addr add {self.there}/30 dev {self.card}b",
            f"-n {self.name} link set {self.card}b up",
            f"-n {self.name} link set lo up",
        ):
            _ip(words)

    def remove(self) -> None:
        """End what still runs in there, by its number, then take both ends away."""
        found = subprocess.run(["ip", "netns", "pids", self.name], capture_output=True, text=True, check=False)
        for pid in found.stdout.split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), 9)
        for words in (f"link del {self.card}a", f"netns del {self.name}"):
            with contextlib.suppress(subprocess.CalledProcessError):
                _ip(words)

    def do(self, work: Callable[[], T]) -> T:
        """Work on a thread that lives in the namespace: its sockets and children do, too."""
        results: list[T] = []
        errors: list[BaseException] = []

        def inside() -> None:
            try:
                self._enter()
                results.append(work())
            except BaseException as error:  # noqa: BLE001 - raised again outside
                errors.append(error)

        thread = threading.Thread(target=inside)
        thread.start()
        thread.join(120)
        assert not thread.is_alive(), "It did not end in time."
        if errors:
            raise errors[0]
        return results[0]

    def _enter(self) -> None:
        descriptor = os.open(f"/run/netns/{self.name}", os.O_RDONLY)
        try:
            libc = ctypes.CDLL(None, use_errno=True)
            assert libc.setns(descriptor, CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
        finally:
            os.close(descriptor)

    def run(self, *words: str, timeout: float = 60, **environment: str) -> subprocess.CompletedProcess[str]:
        """A program on that host, under a host name of its own."""
        naming = 'hostname "$0" && exec "$@"'
        return subprocess.run(
            ["ip", "netns", "exec", self.name, "unshare", "--uts", "sh", "-c", naming, ELSEWHERE, *words],
            env={"PATH": os.environ["PATH"], **environment},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )


def _ip(words: str) -> None:
    subprocess.run(["ip", *words.split()], capture_output=True, check=True, timeout=20)


class Person:
    """Somebody at that host with the authority imported: cookies, forms, a socket, all verified."""

    def __init__(self, host: OtherHost, product: Product) -> None:
        self.host, self.url = host, product.url
        self.trust = ssl.create_default_context(cafile=str(product.ca))
        self.cookies: SimpleCookie = SimpleCookie()

    @property
    def jar(self) -> str:
        return "; ".join(f"{name}={morsel.value}" for name, morsel in self.cookies.items())

    def ask(self, method: str, url: str, form: dict[str, str] | None = None) -> tuple[int, str]:
        parts = urlsplit(url)

        def work() -> tuple[int, str]:
            connection = http.client.HTTPSConnection(str(parts.hostname), parts.port, context=self.trust, timeout=20)
            headers = {"Cookie": self.jar, "Referer": url, "Content-Type": "application/x-www-form-urlencoded"}
            with contextlib.closing(connection):
                connection.request(method, parts.path or "/", urlencode(form or {}), headers)
                answer = connection.getresponse()
                for value in answer.headers.get_all("Set-Cookie") or []:
                    self.cookies.load(value)
                return answer.status, answer.read().decode()

        return self.host.do(work)

    def submit(self, path: str, **form: str) -> tuple[int, str]:
        """Open a page and send the form on it."""
        status, page = self.ask("GET", self.url + path)
        assert status == 200, page
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert token, page
        return self.ask("POST", self.url + path, {"csrfmiddlewaretoken": token[1], **form})

    def hear(self, *topics: str) -> dict[str, Any]:
        """Subscribe over the socket; the first message that tells something, by topic."""

        def work() -> dict[str, Any]:
            parts = urlsplit(self.url)
            heard: dict[str, Any] = {}
            with connect(
                f"wss://{parts.netloc}/ws/live", ssl=self.trust, origin=Origin(self.url),
                additional_headers={"Cookie": self.jar},
            ) as live:  # fmt: skip
                live.send(json.dumps({"sub": list(topics)}))
                end = time.monotonic() + 30
                while set(heard) != set(topics) and time.monotonic() < end:
                    message = json.loads(live.recv(30))
                    assert "error" not in message, message
                    if "subscribed" not in message.get("data", {}):
                        heard[message["topic"]] = message["data"]
            return heard

        return self.host.do(work)


@pytest.fixture(scope="module")
def host() -> Iterator[OtherHost]:
    if os.name != "posix" or os.geteuid() != 0 or not shutil.which("ip"):
        not_here("a second network namespace needs root and the `ip` program.")
    one = OtherHost()
    try:
        try:
            one.make()
        except subprocess.CalledProcessError as error:
            not_here(f"no network namespace can be made ({error.stderr.decode().strip()}).")
        yield one
    finally:
        one.remove()


@pytest.fixture
def hook() -> Iterator[WebhookSink]:
    with WebhookSink() as sink:
        yield sink


@pytest.fixture(scope="module")
def product(host: OtherHost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    made = Product(
        tmp_path_factory.mktemp("beyond") / "data",
        WATCHKEEPER_HOST=host.here,
        WATCHKEEPER_ADMIN_EMAIL=EMAIL,
        WATCHKEEPER_ADMIN_PASSWORD=PASSWORD,
        WATCHKEEPER_OUTGOING_ALLOW="127.0.0.0/8",
    )
    with made as running:
        yield running


def line_to_paste(person: Person) -> str:
    """What a person copies from the page Add server."""
    status, page = person.submit("/servers/add/")
    assert status == 200
    found = [html.unescape(text) for text in re.findall(r'<pre id="line-[^>]*>(.*?)</pre>', page, re.DOTALL)]
    return next(text.strip() for text in found if "curl" in text)


def watch(product: Product, hook: WebhookSink) -> None:
    """A rule that every living machine breaks, told to the hook."""
    token = product.api_token()
    config = {"url": hook.url, "secret": "shared"}
    channel = product.request(
        "POST", "/api/v1/channels", {"name": "hook", "kind": "webhook", "config": config}, token=token
    )
    assert channel.status == 201, channel.body
    rule = {
        "name": "Memory in use", "kind": "threshold", "metric": "memory_used_percent", "labels": {},
        "selector": f"name:{ELSEWHERE}", "op": "above", "warn": 0.001, "critical": 0.002, "for": 0,
        "keep_firing_for": 0, "notify": [{"channel": channel.json()["id"]}], "group_wait": 0,
    }  # fmt: skip
    made = product.request("POST", "/api/v1/rules", rule, token=token)
    assert made.status == 201, made.body


def server_named(product: Product, name: str, token: str) -> dict[str, Any] | None:
    found = product.request("GET", "/api/v1/servers", token=token).json()
    rows = found.get("results", found) if isinstance(found, dict) else found
    return next((row for row in rows if row["name"] == name), None)


def test_everything_works_from_another_host(
    host: OtherHost, product: Product, hook: WebhookSink, tmp_path: Path
) -> None:
    person = Person(host, product)
    assert person.ask("GET", product.url + "/")[0] in {302, 303}
    assert person.submit("/accounts/login/", login=EMAIL, password=PASSWORD)[0] in {302, 303}
    watch(product, hook)

    home = tmp_path / "home"
    home.mkdir()
    done = host.run("sh", "-c", line_to_paste(person), HOME=str(home), WATCHKEEPER_AGENT_HOME=str(home / "agent"))
    assert done.returncode == 0, done.stdout + done.stderr
    config = json.loads((home / "agent" / "agent.json").read_text())
    assert config["url"] == product.url

    token = product.api_token(name="looking")
    server = until(lambda: server_named(product, ELSEWHERE, token), what="the server on the list")
    told = person.hear("fleet", f"server.{server['id']}")
    whole = {one["id"][-12:] for one in told["fleet"]["servers"]}
    assert server["id"][-12:] in {row[0] for row in told["fleet"]["rows"]} | whole
    assert told[f"server.{server['id']}"]["series"]["memory_used_percent"][-1] > 0

    (alert, *_) = hook.wait(seconds=60)
    assert alert.json["server"]["name"] == ELSEWHERE
    assert alert.json["url"].startswith(f"{product.url}/incidents/")
    status, page = person.ask("GET", alert.json["url"])
    assert status == 200
    assert "Memory in use" in html.unescape(page)


def test_who_does_not_trust_our_authority_is_not_let_through(host: OtherHost, product: Product) -> None:
    parts = urlsplit(product.url)

    def blind() -> None:
        address = (str(parts.hostname), parts.port or 443)
        with socket.create_connection(address, timeout=10) as plain:
            ssl.create_default_context().wrap_socket(plain, server_hostname=parts.hostname).close()

    with pytest.raises(ssl.SSLCertVerificationError):
        host.do(blind)


def test_a_browser_there_shows_the_login_page(
    host: OtherHost, product: Product, chromium: str, tmp_path: Path
) -> None:
    leaf = x509.load_pem_x509_certificate((product.folder / "tls" / "server.pem").read_bytes())
    public = leaf.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    pin = base64.b64encode(hashlib.sha256(public).digest()).decode()
    shown = host.run(
        chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
        f"--user-data-dir={tmp_path / 'chromium'}", f"--ignore-certificate-errors-spki-list={pin}",
        "--dump-dom", f"{product.url}/accounts/login/", HOME=str(tmp_path),
    )  # fmt: skip
    assert 'type="password"' in shown.stdout, shown.stderr[-2000:]
