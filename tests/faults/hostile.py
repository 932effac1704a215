"""Posts that nobody should send, through the real door: what each must be answered, and what must be kept of it."""

from __future__ import annotations

import gzip
import http.client
import json
import random
import socket
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import cramjam

from metrics.names import layout_hash

YEAR = 365 * 86_400
LONGEST = 10.0  # seconds until an answer, on a busy machine
GOOD = ["cpu_used_percent", 'disk_used_percent{mount="/"}']
PLANES = (
    "é ß Ω ж ש م", "\u202e\u2066\u200f", "e\u0301\u0327", "\ufffe\uffff\ufeff",
    "😀👩‍👩‍👧", "𐍈𝔘", "𠀀𪛖", "\U000323af",
    "\U000e0041\U000e007f", "\U000f0000", "\U0010ffff", *(chr((plane << 16) + 0x1F0) for plane in range(17)),
    "\x01\x1f\x7f\x85", "'; DROP TABLE x; --", "<script>alert(1)</script>", "=1+1", "${x}{{7*7}}%s",
)  # fmt: skip


@dataclass
class Bad:
    """One post, the statuses it may get, and how many of its values must be stored."""

    what: str
    body: bytes
    allowed: tuple[int, ...] = (400,)
    accepted: int | None = None
    encoding: str = ""
    key: str | None = None  # the sender's own


@dataclass
class Report:
    answers: Counter[int] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    longest: float = 0.0

    def fault(self, text: str) -> None:
        if len(self.faults) < 30:
            self.faults.append(text)


class Door:
    """One kept connection to the ingest door."""

    def __init__(self, port: int, key: str, report: Report) -> None:
        self.port, self.key, self.report = port, key, report
        self.line: http.client.HTTPConnection | None = None

    def post(self, bad: Bad) -> tuple[int, dict[str, Any]]:
        """Post it and judge the answer; statuses of 500 and above are faults, but for an overload's."""
        began = time.monotonic()
        status, retry, body = self._ask(bad)
        taken = time.monotonic() - began
        self.report.answers[status] += 1
        self.report.longest = max(self.report.longest, taken)
        try:
            answer = json.loads(body)
        except ValueError:
            answer = {}
        if fault := _wrong(bad, status, retry, answer, taken):
            self.report.fault(f"{bad.what}: {fault} ({status} {body[:200]!r})")
        return status, answer

    def _ask(self, bad: Bad) -> tuple[int, str | None, bytes]:
        key = self.key if bad.key is None else bad.key
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        if bad.encoding:
            headers["Content-Encoding"] = bad.encoding
        for last in (False, True):
            self.line = self.line or http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
            try:
                with suppress(BrokenPipeError, ConnectionResetError):
                    # A refusal may come, and the line be cut, before all of a large body was sent.
                    self.line.request("POST", "/api/v1/ingest", bad.body, headers)
                reply = self.line.getresponse()
                return reply.status, reply.headers.get("Retry-After"), reply.read()
            except (OSError, http.client.HTTPException) as error:
                self.close()
                if last:
                    return 0, None, f"{type(error).__name__}: {error}".encode()
        raise AssertionError("both tries return")

    def close(self) -> None:
        if self.line:
            self.line.close()
        self.line = None

    def torn(self, body: bytes, cut: int) -> None:
        """Announce all of it, send a part and hang up."""
        head = "POST /api/v1/ingest HTTP/1.1\r\nHost: a\r\n"
        head += f"Authorization: Bearer {self.key}\r\nContent-Length: {len(body)}\r\n\r\n"
        with socket.create_connection(("127.0.0.1", self.port), 10) as line:
            line.sendall(head.encode() + body[:cut])


def _wrong(bad: Bad, status: int, retry: str | None, answer: dict[str, Any], taken: float) -> str:
    if status == 503 and retry:
        return ""  # an overload, told as it should be
    if status not in bad.allowed:
        return f"one of {bad.allowed} was expected"
    if status == 200 and bad.accepted is not None and answer.get("accepted") != bad.accepted:
        return f"{bad.accepted} values should have been stored"
    if status >= 400 and not (answer.get("error") and answer.get("detail")):
        return "an error without a sentence"
    return f"it took {taken:.1f} s" if taken > LONGEST else ""


def post(rows: str, columns: list[str] | None = None, **more: Any) -> bytes:
    """A report whose rows are given as text, as no JSON writer would make them."""
    columns = GOOD if columns is None else columns
    plain = {"agent": "bad", "layout": layout_hash(columns), "columns": columns, **more}
    return (json.dumps(plain)[:-1] + f', "rows": {rows}}}').encode()


def corpus(now: float) -> Iterator[Bad]:
    """Each kind of bad input once."""
    yield from numbers(now)
    yield from moments(now)
    yield from shapes(now)
    yield from identities(now)
    yield from packed(now)


def numbers(now: float) -> Iterator[Bad]:
    cells = {
        "NaN": 0, "Infinity": 0, "-Infinity": 0, "1e400": 0, "9" * 400: 0, '"12"': 0, "true": 0, "[1]": 0, "{}": 0,
        "null": 0,
        "1e308": 1, "-1.7976931348623157e308": 1, "5e-324": 1, "-0.0": 1, "9007199254740993": 1, "1e-400": 1,
    }  # fmt: skip
    for place, (cell, kept) in enumerate(cells.items()):
        body = post(f"[[{now - 900 + place}, {cell}, 50.5]]")
        yield Bad(f"a cell of {cell[:20]}", body, (200,), kept + 1)


def moments(now: float) -> Iterator[Bad]:
    times = [
        0,
        1,
        -1,
        -1e18,
        1e18,
        1e300,
        1e12,
        4.2e9,
        now * 1000,
        now + YEAR,
        now - YEAR,
        now + 3600,
        now - 40 * 86_400,
    ]
    for at in times:
        yield Bad(f"a time of {at}", post(f"[[{at}, 1, 2], [{now - 800}, 3, 4]]"), (200,), 2)
    for odd in ("NaN", "null", '"now"', "1e400", "9" * 400):
        yield Bad(f"a time of {odd[:10]}", post(f"[[{odd}, 1, 2], [{now - 801}, 3, 4]]"), (200,), 2)


def shapes(now: float) -> Iterator[Bad]:
    at = now - 700
    yield Bad(
        "rows of other lengths", post(f"[[{at}], [], [{at}, 1, 2, 3], 7, null, [{at}, 1, 2]]"), (200, 400), None
    )
    yield Bad("no rows", post("[]"), (200, 400))
    yield Bad("rows that are text", post('"rows"'), (200, 400), 0)
    yield Bad("nested deep", b"[" * 200_000)
    yield Bad("nested deep in a post", post("[" * 100_000 + "]" * 100_000))
    for body in (b"", b"{", b"null", b"[]", b'"x"', b"\x00" * 1000, b"\xff\xfe{}", b"{}" * 3, b"{" + b" " * 100_000):
        yield Bad(f"a body of {body[:10]!r}", body)
    yield Bad("a million commas", post("[" + f"[{at}]," * 1_200_000 + "[]]"), (413,))
    yield Bad("too many rows", post("[" + f"[{at},1,2]," * 30_000 + f"[{at},1,2]]"), (413,))
    yield Bad("nine mebibytes", b" " * (9 << 20), (413,))
    yield Bad("8 MiB of spaces", post("[]") + b" " * ((8 << 20) - 300), (200, 400))
    good = post(f"[[{at}, 1, 2]]")
    for cut in (1, 10, len(good) // 2, len(good) - 1):
        yield Bad(f"cut off after {cut}", good[:cut])


def identities(now: float) -> Iterator[Bad]:
    row = f"[[{now - 600}, 1, 2]]"
    yield Bad("an unknown layout", json.dumps({"layout": "0" * 16, "rows": [[now, 1]]}).encode(), (409,))
    yield Bad("a layout that is not its columns'", post(row, layout="f" * 16))
    for boot in ("\x00", "x" * 70, "\ud800", "a\nb"):
        yield Bad(f"a boot of {boot[:3]!r}", post(row, boot=boot, seq=1))
    for seq in (-1, 2**62, 2**64, 1.5, "1"):
        yield Bad(f"a seq of {seq}", post(row, boot="b", seq=seq))
    for key in ("", "x", "wka_", "wka_none.nothing", "wkt_a.b", "é" * 10, "w" * 5000, "wka_a.b c"):
        yield Bad(f"a key of {key[:12]!r}", post(row), (401, 431), key=key)


def packed(now: float) -> Iterator[Bad]:
    good = post(f"[[{now - 500}, 1, 2]]")
    yield Bad("gzip", gzip.compress(good), (200,), 2, "gzip")
    yield Bad("zstd", bytes(cramjam.zstd.compress(good)), (200,), 2, "zstd")
    yield Bad("no such packing", good, (400, 415), encoding="br")
    yield Bad("said to be gzip", good, encoding="gzip")
    yield Bad("said to be zstd", good, encoding="zstd")
    yield Bad("gzip cut off", gzip.compress(good)[:-12], encoding="gzip")
    yield Bad("zstd cut off", bytes(cramjam.zstd.compress(good))[:-5], encoding="zstd")
    yield Bad("a gzip bomb", gzip_bomb(), (413,), encoding="gzip")
    for size, bomb in zstd_bombs():
        yield Bad(f"a zstd bomb that says {size}", bomb, (413, 400), encoding="zstd")


@cache
def gzip_bomb() -> bytes:
    """A quarter of a GiB of nothing."""
    packer, zeros = zlib.compressobj(1, wbits=31), bytes(1 << 20)
    return b"".join(packer.compress(zeros) for _ in range(256)) + packer.flush()


@cache
def zstd_bombs() -> tuple[tuple[str, bytes], ...]:
    honest = bytes(cramjam.zstd.compress(bytes(256 << 20)))
    packer = cramjam.zstd.Compressor()
    for _ in range(128):
        packer.compress(bytes(1 << 20))
    silent = bytes(packer.finish())
    # A frame that claims five bytes and unpacks to many: single segment, one byte of size.
    lying = honest[:4] + b"\x20\x05" + honest[9:]
    return (
        ("256 MiB", honest),
        ("nothing", silent),
        ("5 bytes", lying),
        ("4 GiB", honest[:4] + b"\xe0" + b"\xff" * 8 + honest[9:]),
    )


def names(now: float) -> tuple[Bad, list[str]]:
    """Labels of every Unicode plane in one post, and those that a database could hold."""
    columns = [f'disk_used_percent{{mount="{text}"}}' for text in PLANES]
    cells = ", ".join(str(place) for place in range(len(columns)))
    return Bad("names of every plane", post(f"[[{now - 400}, {cells}]]", columns), (200,)), list(PLANES)


def crowds(count: int, now: float) -> Iterator[Bad]:
    """So many series from one machine: in one post, in many, and each in a list of its own; with one that is good."""
    at = now - 300
    for size in (count, 4000):
        for begin in range(0, count, size):
            columns = [GOOD[0], *(f'flood{{n="{place}"}}' for place in range(begin, min(count, begin + size)))]
            yield Bad(
                f"a flood of {size} series",
                post(f"[[{at + begin // 4000}{',1' * len(columns)}]]", columns),
                (200, 429),
            )
    for place in range(100):
        yield Bad("a flood of layouts", post(f"[[{at}, 1]]", [f"one_of_many_{place}"]), (200, 429))


def mutants(dice: random.Random, count: int, now: float) -> Iterator[Bad]:
    """Good posts with a few bytes changed, cut out, doubled or mixed in from a list of bad ones."""
    seeds = [
        post(f"[[{now - 200}, 1.5, 2.5], [{now - 199}, null, 3]]", boot="m", seq=1),
        json.dumps(
            {"samples": [{"t": now - 198, "m": {"cpu_used_percent": 1, "load1": 2}}], "events": [], "logs": []}
        ).encode(),
        post(f"[[{now - 197}, 1, 2]]", facts={"hash": "x", "document": {"os": {"name": "é"}}}),
        post(f"[[{now - 196}, 1, 2]]", events=[{"t": now, "kind": "k", "text": "t", "fields": {"a": 1}}]),
    ]
    odd = (
        b"\x00",
        b"\xff",
        b'"',
        b"\\",
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b"1e999",
        b"-",
        b"null",
        b"\\ud800",
        b"9" * 50,
        b"NaN",
    )
    for number in range(count):
        body = bytearray(dice.choice(seeds))
        for _ in range(dice.randint(1, 4)):
            place = dice.randrange(len(body))
            wide = dice.randint(0, 6)
            body[place : place + wide] = dice.choice((dice.choice(odd), dice.randbytes(wide), bytes(body[:wide])))
        yield Bad(f"mutant {number} {bytes(body)!r}", bytes(body), (200, 400, 409, 413, 429))


def assault(
    port: int, key: str, report: Report, rounds: int, dice: random.Random, witness: Callable[[], None]
) -> None:
    """All of it once, with an honest machine posting in between, then so many mutants."""
    door, now = Door(port, key, report), float(round(time.time()))
    for bad in (*corpus(now), names(now)[0]):
        door.post(bad)
        witness()
    good = post(f"[[{now - 100}, 1, 2]]")
    for cut in range(0, len(good), 9):
        with suppress(OSError):
            door.torn(good, cut)
    for number, bad in enumerate(mutants(dice, rounds, now)):
        door.post(bad)
        if number % 50 == 0:
            witness()
    door.close()
