"""A web address: its status, what it says, how long each part takes, and how long its certificate is good."""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any, Literal
from urllib.parse import urldefrag, urljoin

import msgspec
from cryptography import x509

from checks import secrets
from checks.kinds.base import Fault, Kind, Outcome, Task, allowed, read, registry
from checks.kinds.jsonpath import at, parse
from checks.wrong import Wrong
from core import outgoing

MOST_READ = 1 << 20
MOST_HEADERS, MOST_SENT = 20, 10_000
_STATUS = re.compile(r"[1-5]\d\d(-[1-5]\d\d)?(\s*,\s*[1-5]\d\d(-[1-5]\d\d)?)*")
_MOVED = frozenset({301, 302, 303, 307, 308})


class Config(msgspec.Struct, forbid_unknown_fields=True):
    """`status` like 200-299,401; `text` must be there, `no_text` must not; `json` is a path, `value` what it has."""

    method: Literal["GET", "HEAD", "POST", "PUT"] = "GET"
    headers: dict[str, str] = {}
    body: str = ""
    status: str = "200-299"
    text: str = ""
    no_text: str = ""
    json: str = ""
    value: str = ""
    redirects: Annotated[int, msgspec.Meta(ge=0, le=10)] = 5
    verify: bool = True


class Http(Kind):
    title = "Web address"
    config = Config

    def checked(self, target: str, config: Mapping[str, Any]) -> None:
        wanted = read(Config, config)
        if not _STATUS.fullmatch(wanted.status.strip()):
            raise Wrong("status", "Write the status as numbers and ranges, such as 200-299,401.")
        if len(wanted.headers) > MOST_HEADERS or len(wanted.body) > MOST_SENT:
            said = f"At most {MOST_HEADERS} headers and {MOST_SENT} characters are sent."
            raise Wrong("body" if len(wanted.body) > MOST_SENT else "headers", said)
        try:
            parse(wanted.json)
        except ValueError as fault:
            raise Wrong("json", str(fault)) from fault
        try:
            outgoing.checked_headers(wanted.method, wanted.headers)
        except outgoing.Refused as refused:
            raise Wrong("headers", str(refused)) from refused
        outgoing.parse(target)

    def forbidden(self, target: str, config: Mapping[str, Any]) -> list[Fault]:
        try:
            outgoing.check(target, allow_private=allowed())
        except outgoing.Refused as refused:
            return [("target", str(refused))]
        return []

    def run(self, task: Task) -> Outcome:
        wanted, trace, began = read(Config, task.config), outgoing.Trace(), time.monotonic()
        answer: outgoing.Answer | None = None
        try:
            answer = _follow(task, wanted, trace)
            said, ok = _judged(wanted, answer)
        except outgoing.Unreachable as error:
            said, ok = str(error), False
        except _Lost as lost:
            said, ok = str(lost), False
        return Outcome(ok, said, time.monotonic() - began, trace.parts, _ends(trace.certificate))


class _Lost(Exception):
    """A redirect that leads nowhere."""


def _follow(task: Task, wanted: Config, trace: outgoing.Trace) -> outgoing.Answer:
    """The answer at the end of all redirects; each step is resolved and checked as the first was."""
    until, url = time.monotonic() + task.timeout, urldefrag(task.target).url
    method, headers, body, seen = wanted.method, dict(wanted.headers), wanted.body, {url}
    while True:
        answer = outgoing.request(
            method, url, headers=headers, body=body.encode(), timeout=_left(until, task), allow_private=allowed(),
            max_answer=MOST_READ if wanted.text or wanted.no_text or wanted.json else 64 << 10,
            context=_context(verify=wanted.verify), trace=trace,
        )  # fmt: skip
        to = answer.headers.get("location", "")
        if answer.status not in _MOVED or not wanted.redirects or not to:
            return answer
        before, url = url, urldefrag(urljoin(url, to)).url
        if url in seen:
            raise _Lost(f"It redirects in circles: {url[:200]} came twice.")
        if len(seen) > wanted.redirects:
            raise _Lost(f"More than {wanted.redirects} redirects.")
        seen.add(url)
        headers = _without_secrets(headers, before, url)
        if answer.status == 303 or (method == "POST" and answer.status in (301, 302)):
            method, body = "GET", ""
        elif body and secrets.origin(before)[1] != secrets.origin(url)[1]:
            raise _Lost(f"It redirects to {url[:200]}, and what is sent is for its own host alone.")


def _left(until: float, task: Task) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise outgoing.Unreachable(f"No whole answer within {task.timeout:g} seconds.")
    return left


def _without_secrets(headers: dict[str, str], before: str, after: str) -> dict[str, str]:
    """What proves who we are is for whom it was written."""
    outgoing.parse(after)
    if secrets.origin(before) == secrets.origin(after):
        return headers
    return {name: value for name, value in headers.items() if not secrets.secret(name)}


def _judged(wanted: Config, answer: outgoing.Answer) -> tuple[str, bool]:
    if not _fits(wanted.status, answer.status):
        return f"It answers {answer.status}, not {wanted.status}.", False
    text = answer.body.decode("utf-8", "replace")
    if wanted.text and wanted.text not in text:
        return f"It answers {answer.status}, but without {wanted.text[:100]!r}.", False
    if wanted.no_text and wanted.no_text in text:
        return f"It answers {answer.status}, but with {wanted.no_text[:100]!r}.", False
    if wanted.json and (fault := _json_fault(wanted, answer.body)):
        return fault, False
    return f"It answers {answer.status}.", True


def _fits(wanted: str, status: int) -> bool:
    for part in wanted.split(","):
        low, _, high = part.strip().partition("-")
        if int(low) <= status <= int(high or low):
            return True
    return False


def _json_fault(wanted: Config, body: bytes) -> str:
    try:
        found = at(msgspec.json.decode(body), wanted.json)
    except msgspec.DecodeError:
        return "Its answer is no JSON."
    except RecursionError:
        return "Its JSON is nested too deeply."
    except LookupError:
        return f"Its JSON has no {wanted.json}."
    shown = found if isinstance(found, str) else msgspec.json.encode(found).decode()
    if shown != wanted.value:
        return f"{wanted.json} is {shown[:100]}, not {wanted.value[:100]}."
    return ""


@lru_cache(maxsize=2)
def _context(*, verify: bool) -> ssl.SSLContext:
    """Made once: reading the system's authorities takes longer than most checks."""
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _ends(certificate: bytes | None) -> datetime | None:
    if not certificate:
        return None
    try:
        return x509.load_der_x509_certificate(certificate).not_valid_after_utc
    except Exception:  # noqa: BLE001 - its reader has faults of its own for what a stranger made up
        return None


registry.register("http")(Http())
