"""What we send out goes where it was allowed to go, within its time and size, and nowhere else."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from core import outgoing, tls
from core.outgoing import Refused, Unreachable

HOSTS_INSIDE = """
127.0.0.1 127.0.0.2 127.255.255.254 127.1 127.0.1 2130706433 017700000001 0177.0.0.1 0x7f000001 0x7f.0.0.1 0x7f.1
127.0.0.0x1 127.0.0.01 0127.0.0.1 00.0.0.0 0 0.0.0.0 0.1.2.3 0x0 127.0.0.1. 127.1. 127.0.0.1.. 0X7F.0.0.1
10.0.0.1 10.255.255.255 10.1 167772161 0xa000001 012.0.0.1 172.16.0.1 172.31.255.255 0xac.16.0.1 172.16.1
192.168.0.1 192.168.255.255 192.168.1 3232235777 0xc0a80101 0300.0250.1.1 100.64.0.1 100.127.255.254
169.254.169.254 169.254.0.1 169.254.255.255 2852039166 0xa9fea9fe 0251.0376.0251.0376 169.254.43518 169.16689662
169.254.170.2 100.100.100.200 192.0.0.192 168.63.129.16
192.0.0.1 192.0.2.1 192.88.99.1 198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.9 224.0.0.1 239.255.255.250
240.0.0.1 255.255.255.255 4294967295 256.1.1.1 999.1.1.1 1.2.3 1.2.3.4.5 1.2.3.256 08.8.8.8 8.8.8.08
[::] [::1] [0:0:0:0:0:0:0:1] [::127.0.0.1] [::7f00:1] [::10.0.0.1] [::169.254.169.254]
[::ffff:127.0.0.1] [::ffff:7f00:1] [::ffff:10.0.0.1] [::ffff:192.168.1.1] [::ffff:169.254.169.254]
[::ffff:0:127.0.0.1] [::ffff:a9fe:a9fe] [0:0:0:0:0:ffff:127.0.0.1] [::ffff:0:10.0.0.1] [::ffff:0.0.0.0]
[64:ff9b::127.0.0.1] [64:ff9b::7f00:1] [64:ff9b::10.0.0.1] [64:ff9b::169.254.169.254] [64:ff9b::a9fe:a9fe]
[64:ff9b:1::10.0.0.1] [64:ff9b:1::a9fe:a9fe] [64:ff9b::192.168.0.1]
[2002:7f00:1::] [2002:7f00:1::1] [2002:a00:1::1] [2002:c0a8:101::1] [2002:a9fe:a9fe::1] [2002:ac10:1::]
[2001:0:7f00:1::] [2001:0:4136:e378:8000:63bf:80ff:fffe] [2001::1] [2001:10::1] [2001:20::1] [2001:db8::1]
[fe80::1] [fe80::5efe:10.0.0.1] [fe80::1%25eth0] [fe80::1%eth0] [::1%lo] [fec0::1] [feff::1] [fc00::1] [fd00::1]
[fd00:ec2::254] [fdff:ffff::1] [ff02::1] [ff0e::1] [100::1] [5f00::1] [3fff::1]
[2606:4700::5efe:10.0.0.1] [2606:4700::200:5efe:127.0.0.1] [v1.fe80] [::1 [127.0.0.1] [] [1] [::g] [:::1]
localhost localhost. LOCALHOST ip6-localhost inside.test mixed.test mapped.test metadata.test nat64.test
sixtofour.test loop6.test zero.test zoned.test rebinding.test -bad.test bad-.test a..b .a %31%32%37.0.0.1
127%2e0%2e0%2e1 a_%00b
user@example.test user:pass@example.test 8.8.8.8@127.0.0.1 127.0.0.1:80@example.test @example.test :@example.test
example.test: example.test:0 example.test:-1 example.test:65536 example.test:8o example.test:+80 example.test:80:80
"""
HOSTS_ODD = [
    "example.test:\t80", "exam\tple.test", "exam\nple.test", "exam\rple.test", "exa\\mple.test",
    "example.test\\@127.0.0.1", "exa\x00mple.test", "\u2460\u2461\u2466.\u24ea.\u24ea.\u2460",
    "127\u30020\u30020\u30021", "lokalh\u00f6st", "\uff4c\uff4f\uff43\uff41\uff4c", "\u200b127.0.0.1",
    "[::1]example.test", "[::1]:80:80", "[8.8.8.8]", "%00", "a%00b",
]  # fmt: skip
URLS_INSIDE = [
    "", "/", "//127.0.0.1/", "127.0.0.1", "http:", "http://", "http:///path", "http:127.0.0.1", "http:/127.0.0.1/",
    "https://", "ftp://example.test/", "file:///etc/passwd", "gopher://example.test:70/_x", "dict://example.test/",
    "ldap://example.test/", "jar:http://example.test!/", "data:text/plain,x", "javascript:alert(1)", "ws://example.test/",
    "http+unix://%2Frun%2Fdocker.sock/", "unix:/run/x", "http://?x=example.test", "http://#example.test",
    "http://example.test/ HTTP/1.1\r\nX: y", "http://example.test/\r\nHost: inside.test", "http://example.test/a b",
    "http://example.test/\x7f", "http://example.test/ä", "http://example.test/?q=\n", " http://example.test/",
    "http://example.test/ ", "http://example.test/\\..\\", "http://" + "a" * 64 + ".test/",
    "http://" + "a." * 130 + "test/",
    "http://example.test/" + "x" * 5000, "http://[::1", "http://::1/", "http://[::1]]/", "http://[[::1]]/",
]  # fmt: skip
NAMES = {
    "example.test": ["93.184.216.34"],
    "inside.test": ["10.0.0.5"],
    "mixed.test": ["93.184.216.34", "127.0.0.1"],
    "mapped.test": ["::ffff:127.0.0.1"],
    "metadata.test": ["169.254.169.254"],
    "nat64.test": ["64:ff9b::a00:1"],
    "sixtofour.test": ["2002:7f00:1::1"],
    "loop6.test": ["::1"],
    "zero.test": ["0.0.0.0"],  # noqa: S104 - an answer of a hostile name server
    "zoned.test": ["fe80::1%eth0"],
    "rebinding.test": ["192.168.1.1"],
}


def resolve(host: str, _port: int) -> list[str]:
    if host.lower().rstrip(".").endswith("localhost"):
        return ["127.0.0.1", "::1"]
    if host not in NAMES:
        raise socket.gaierror("unknown")
    return NAMES[host]


@pytest.fixture
def nobody_connects(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    tried: list[object] = []

    def connect(address: object, **_rest: object) -> socket.socket:
        tried.append(address)
        raise OSError("not in this test")

    monkeypatch.setattr(socket, "create_connection", connect)
    return tried


def hostile_urls() -> list[str]:
    hosts = [*HOSTS_INSIDE.split(), *HOSTS_ODD]
    return [f"http://{host}/x" for host in hosts] + [f"https://{host}:8443/" for host in hosts[:60]] + URLS_INSIDE


def test_no_hostile_target_is_ever_connected_to(nobody_connects: list[object]) -> None:
    urls = hostile_urls()
    assert len(urls) >= 200
    passed = []
    for url in urls:
        try:
            outgoing.request("GET", url, resolve=resolve)
        except Refused:
            continue
        except Unreachable:
            pass  # a name that does not exist is no way in either
        if nobody_connects:
            passed.append((url, nobody_connects[:]))
            nobody_connects.clear()
    assert passed == []


def test_the_hostile_list_is_refused_and_not_merely_unresolved(nobody_connects: list[object]) -> None:
    wrong = []
    for url in hostile_urls():
        try:
            outgoing.request("GET", url, resolve=resolve)
            wrong.append((url, "answered"))
        except Refused:
            pass
        except Unreachable as error:
            wrong.append((url, str(error)))
    # Names without an address are the only ones left over.
    assert [url for url, _ in wrong if not url.endswith("ip6-localhost/x")] == []


@pytest.mark.parametrize(
    "url",
    [
        "http://example.test/",
        "https://example.test:8443/a?b=c",
        "http://8.8.8.8/",
        "http://[2606:4700::1111]/",
        "http://a_b.example.test/",
    ],
)
def test_public_targets_may_be_reached(url: str, nobody_connects: list[object]) -> None:
    with pytest.raises(Unreachable):
        outgoing.request("GET", url, resolve=lambda *_: ["93.184.216.34"])
    assert nobody_connects


def test_private_networks_open_only_when_they_are_named(nobody_connects: list[object]) -> None:
    def attempt(url: str, **more: object) -> None:
        outgoing.request("GET", url, resolve=resolve, **more)  # type: ignore[arg-type]

    with pytest.raises(Unreachable):
        attempt("http://inside.test/", allow_private=["10.0.0.0/8"])
    with pytest.raises(Unreachable):
        attempt("http://127.0.0.1/", trusted=True)
    for refused in ("http://192.168.1.1/", "http://metadata.test/"):
        with pytest.raises(Refused):
            attempt(refused, allow_private=["10.0.0.0/8", "169.254.0.0/16"])
    with pytest.raises(Unreachable):
        attempt("http://metadata.test/", trusted=True)
    with pytest.raises(Refused):
        attempt("http://127.1/", trusted=True)


def test_a_rebinding_name_is_resolved_once_and_that_address_is_used(nobody_connects: list[object]) -> None:
    answers = [["93.184.216.34"], ["127.0.0.1"]]
    with pytest.raises(Unreachable):
        outgoing.request("GET", "http://rebinding.test/", resolve=lambda *_: answers.pop(0))
    assert nobody_connects == [("93.184.216.34", 80)]
    assert answers == [["127.0.0.1"]]


def test_check_says_the_same_without_connecting(nobody_connects: list[object]) -> None:
    outgoing.check("https://example.test/hook", resolve=resolve)
    outgoing.check("https://not-yet.test/hook", resolve=resolve)
    with pytest.raises(Refused, match="WATCHKEEPER_OUTGOING_ALLOW"):
        outgoing.check("https://inside.test/hook", resolve=resolve)
    assert nobody_connects == []


@pytest.mark.parametrize(
    "headers",
    [
        {"X-A": "a\r\nB: c"}, {"X-A": "a\nb"}, {"X-A": "\x00"}, {"X A": "b"}, {"X-A:": "b"}, {"": "b"},
        {"X\r\nB": "c"},         {"Host": "inside.test"}, {"Transfer-Encoding": "chunked"}, {"Content-Length": "1"},
        {"X-A": "\u2028"},
    ],
)  # fmt: skip
def test_headers_that_could_carry_others_are_refused(headers: dict[str, str], nobody_connects: list[object]) -> None:
    with pytest.raises(Refused):
        outgoing.request("POST", "http://example.test/", headers=headers, resolve=resolve)
    with pytest.raises(Refused):
        outgoing.request("GET / HTTP/1.1\r\nX:", "http://example.test/", resolve=resolve)
    assert nobody_connects == []


Handler = Callable[[socket.socket], None]


@contextmanager
def server(handler: Handler, context: ssl.SSLContext | None = None) -> Iterator[int]:
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(10)

    def run() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            try:
                if context:
                    connection = context.wrap_socket(connection, server_side=True)
                handler(connection)
            except OSError:
                pass
            finally:
                connection.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)


def head(connection: socket.socket) -> bytes:
    got = b""
    while b"\r\n\r\n" not in got:
        piece = connection.recv(4096)
        if not piece:
            break
        got += piece
    return got


def test_one_request_arrives_as_it_was_meant() -> None:
    got: list[bytes] = []

    def handler(connection: socket.socket) -> None:
        whole = head(connection)
        while not whole.endswith(b'{"a":1}'):
            whole += connection.recv(4096)
        got.append(whole)
        connection.sendall(b"HTTP/1.1 202 Fine\r\nX-Two: b\r\nContent-Length: 2\r\n\r\nok")

    with server(handler) as port:
        answer = outgoing.request(
            "POST", f"http://hook.test:{port}/in?x=1", body=b'{"a":1}', headers={"X-One": "a"},
            resolve=lambda *_: ["127.0.0.1"], allow_private=["127.0.0.0/8"],
        )  # fmt: skip
    assert (answer.status, answer.body, answer.headers["x-two"]) == (202, b"ok", "b")
    assert got[0].startswith(b"POST /in?x=1 HTTP/1.1\r\n")
    assert got[0].count(b"Host: hook.test:%d\r\n" % port) == got[0].lower().count(b"host:") == 1
    assert b"X-One: a\r\n" in got[0]
    assert b"Content-Length: 7\r\n" in got[0]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_handed_back_and_not_followed(status: int) -> None:
    calls: list[bytes] = []

    def handler(connection: socket.socket) -> None:
        calls.append(head(connection))
        place = b"Location: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n"
        connection.sendall(b"HTTP/1.1 %d Go\r\n" % status + place)

    with server(handler) as port:
        answer = outgoing.request("GET", f"http://127.0.0.1:{port}/", trusted=True)
    assert answer.status == status
    assert len(calls) == 1


def silent(connection: socket.socket) -> None:
    connection.settimeout(8)
    while connection.recv(4096):
        pass


def drip(start: bytes, piece: bytes) -> Handler:
    def handler(connection: socket.socket) -> None:
        head(connection)
        connection.sendall(start)
        for _ in range(160):  # eight seconds, unless the other side leaves
            connection.sendall(piece)
            time.sleep(0.05)

    return handler


@pytest.mark.parametrize(
    "handler",
    [
        silent,
        drip(b"", b"H"),
        drip(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n"),
        drip(b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
        drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        drip(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n", b"x"),
        drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
)
def test_the_deadline_holds_against_silence_and_drips(handler: Handler) -> None:
    start = time.monotonic()
    with server(handler) as port:
        with pytest.raises(Unreachable):
            outgoing.request("GET", f"http://127.0.0.1:{port}/", trusted=True, timeout=0.5)
        assert time.monotonic() - start < 5


def test_an_answer_has_the_whole_time_where_a_name_has_several_addresses() -> None:
    def late(connection: socket.socket) -> None:
        head(connection)
        time.sleep(1.1)
        connection.sendall(b"HTTP/1.1 204 None\r\n\r\n")

    with server(late) as port:
        url = f"http://two.test:{port}/"
        both = ["127.0.0.1", "127.0.0.2"]
        assert outgoing.request("GET", url, trusted=True, timeout=2, resolve=lambda *_: both).status == 204


def test_a_slow_name_server_is_not_waited_for() -> None:
    def slowly(_host: str, _port: int) -> list[str]:
        time.sleep(3)
        return []

    start = time.monotonic()
    with pytest.raises(Unreachable):
        outgoing.request("GET", "http://example.test/", timeout=0.3, resolve=slowly)
    assert time.monotonic() - start < 2.5


def test_an_endless_answer_is_cut_at_the_cap() -> None:
    def handler(connection: socket.socket) -> None:
        head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    with server(handler) as port:
        answer = outgoing.request("GET", f"http://127.0.0.1:{port}/", trusted=True, max_answer=100_000)
    assert len(answer.body) == 100_000


@pytest.mark.parametrize(
    "raw",
    [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
     b"HTTP/1.1 200 OK\r\nX: " + b"y" * 99999,
     b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n"],
)  # fmt: skip
def test_a_broken_answer_is_unreachable_and_nothing_worse(raw: bytes) -> None:
    def handler(connection: socket.socket) -> None:
        head(connection)
        connection.sendall(raw)

    with server(handler) as port, pytest.raises(Unreachable):
        outgoing.request("GET", f"http://127.0.0.1:{port}/", trusted=True, timeout=3)


def test_a_closed_port_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(Unreachable, match="cannot be reached"):
        outgoing.request("GET", f"http://127.0.0.1:{port}/", trusted=True)


def test_certificates_are_checked_against_the_name(tmp_path: Path) -> None:
    made = tls.ensure(tmp_path, ["hook.test"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.cert, made.key)
    ours = ssl.create_default_context(cafile=str(made.ca))

    def handler(connection: socket.socket) -> None:
        head(connection)
        connection.sendall(b"HTTP/1.1 204 None\r\n\r\n")

    def send(name: str, trust: ssl.SSLContext | None) -> int:
        return outgoing.request(
            "POST",
            f"https://{name}:{port}/",
            trusted=True,
            context=trust,
            timeout=3,
            resolve=lambda *_: ["127.0.0.1"],
        ).status

    with server(handler, context) as port:
        assert send("hook.test", ours) == 204
        with pytest.raises(Unreachable, match="certificate"):
            send("other.test", ours)
        with pytest.raises(Unreachable, match="certificate"):
            send("hook.test", None)
    with server(handler) as port, pytest.raises(Unreachable):
        send("hook.test", ours)


@pytest.mark.parametrize("start", [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"])
def test_headers_are_bounded_as_a_whole(start: bytes) -> None:
    sent = [0]

    def handler(connection: socket.socket) -> None:
        head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\n" if b"200" in start else b"")
        while sent[0] < 20 << 20:
            connection.sendall(b"X-A: " + b"a" * 60_000 + b"\r\n" if b"200" in start else start * 500)
            sent[0] += 12_000 if b"100" in start else 60_000

    with server(handler) as port, pytest.raises(outgoing.Unreachable, match="LineTooLong"):
        outgoing.request(
            "GET", f"http://hook.test:{port}/", resolve=lambda *_: ["127.0.0.1"], allow_private=["127.0.0.0/8"]
        )
    assert sent[0] < 8 << 20
