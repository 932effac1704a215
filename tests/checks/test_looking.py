"""Each kind looks at real servers that are well, slow, broken, endless, moved and badly certified."""

from __future__ import annotations

import ssl
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from checks import services
from checks.kinds import Outcome, Task, http, registry
from checks.models import Check
from tests.checks.pages import Authority, Banner, Pages


def look(kind: str, target: str, timeout: float = 2.0, **config: Any) -> Outcome:
    return registry.get(kind).look(Task(kind, target, config, timeout))


def test_a_good_page_is_up_with_its_parts(pages: Pages) -> None:
    found = look("http", pages.url("/"))
    assert (found.ok, found.said) == (True, "It answers 200.")
    assert set(found.parts) == {"name", "connect", "first_byte", "body"}
    assert found.seconds is not None
    assert sum(found.parts.values()) <= found.seconds < 2


@pytest.mark.parametrize(
    ("path", "config", "said"),
    [
        ("/broken", {}, "It answers 500, not 200-299."),
        ("/", {"text": "sick"}, "It answers 200, but without 'sick'."),
        ("/", {"no_text": "well"}, "It answers 200, but with 'well'."),
        ("/circle", {}, "It redirects in circles: http"),
        ("/many", {"redirects": 3}, "More than 3 redirects."),
        ("/moved", {"redirects": 0}, "It answers 301, not 200-299."),
        ("/away", {}, "10.1.2.3 is not a public address."),
        ("/", {"json": "status.ok", "value": "true"}, "Its answer is no JSON."),
        ("/json", {"json": "status.parts[3].ok", "value": "true"}, "Its JSON has no status.parts[3].ok."),
        ("/json", {"json": "status.parts[0].ok", "value": "false"}, "status.parts[0].ok is true, not false."),
    ],
)
def test_what_is_wrong_is_said(pages: Pages, path: str, config: dict[str, Any], said: str) -> None:
    found = look("http", pages.url(path), **config)
    assert found.ok is False
    assert found.said.startswith(said)


@pytest.mark.parametrize(
    ("path", "config"),
    [
        ("/broken", {"status": "200,500-599"}),
        ("/moved", {}),
        ("/json", {"json": "status.parts[0].name", "value": "db"}),
        ("/", {"text": "is well", "method": "POST", "body": "x"}),
    ],
)
def test_what_was_asked_for_is_up(pages: Pages, path: str, config: dict[str, Any]) -> None:
    assert look("http", pages.url(path), **config).ok


def test_a_slow_page_is_measured_and_a_stuck_one_ends_in_time(pages: Pages) -> None:
    slow = look("http", pages.url("/slow"))
    assert slow.ok
    assert slow.parts["first_byte"] >= 0.3
    for path in ("/stuck", "/drip"):
        began = time.monotonic()
        found = look("http", pages.url(path), timeout=0.4, text="never")
        assert found.ok is False
        assert time.monotonic() - began < 5, "half of what it would take"


def test_an_endless_body_is_read_to_a_bound(pages: Pages) -> None:
    assert look("http", pages.url("/endless")).ok
    found = look("http", pages.url("/endless"), text="never there")
    assert found.said == "It answers 200, but without 'never there'."
    pages.over.set()
    time.sleep(0.1)
    assert pages.sent < 12_000_000  # what we did not read stayed with it, but for buffers


def test_secrets_are_not_carried_to_where_a_redirect_leads() -> None:
    headers = {"Authorization": "Bearer x", "Accept": "text/html"}
    assert http._without_secrets(headers, "https://a.test/x", "https://a.test/y") == headers
    assert http._without_secrets(headers, "https://a.test/x", "https://b.test/") == {"Accept": "text/html"}


@pytest.fixture
def trusting(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system trusts our authority."""
    monkeypatch.setattr(http, "_context", lambda **_: ssl.create_default_context(cafile=str(authority.path)))


@pytest.mark.usefixtures("loopback", "trusting")
def test_a_good_certificate_tells_when_it_ends(authority: Authority) -> None:
    with Pages(authority.pair(20)) as served:
        found = look("http", served.url("/"))
    assert found.ok, found.said
    assert found.certificate_ends is not None
    assert 19 < (found.certificate_ends - datetime.now(UTC)).total_seconds() / 86_400 <= 20
    assert found.parts["tls"] > 0


@pytest.mark.usefixtures("loopback", "trusting")
@pytest.mark.parametrize(
    ("days", "host", "said"),
    [(-3, "127.0.0.1", "certificate has expired"), (30, "other.test", "IP address mismatch")],
)
def test_a_bad_certificate_is_down_and_still_read(authority: Authority, days: float, host: str, said: str) -> None:
    with Pages(authority.pair(days, host=host)) as served:
        found = look("http", served.url("/"))
    assert found.ok is False
    assert said in found.said
    assert found.certificate_ends is not None
    assert (found.certificate_ends < datetime.now(UTC)) == (days < 0)


@pytest.mark.usefixtures("loopback")
def test_an_unknown_authority_is_down_unless_it_does_not_matter(authority: Authority) -> None:
    with Pages(authority.pair(30)) as served:
        assert "unable to get local issuer certificate" in look("http", served.url("/")).said
        assert look("http", served.url("/"), verify=False).ok


@pytest.mark.usefixtures("loopback")
def test_a_port_takes_connections_and_says_what_it_should() -> None:
    with Banner(b"SSH-2.0-test\r\n") as served:
        assert look("tcp", f"127.0.0.1:{served.port}").ok
        assert look("tcp", f"127.0.0.1:{served.port}", expect="SSH-2.0").ok
        wrong = look("tcp", f"127.0.0.1:{served.port}", expect="220 ")
        assert wrong.said == "It does not say '220 ', but 'SSH-2.0-test\\r\\n'."
    closed = look("tcp", f"127.0.0.1:{served.port}")
    assert (closed.ok, closed.said) == (False, "127.0.0.1 cannot be reached: Connection refused.")


@pytest.mark.usefixtures("loopback")
def test_an_echo_comes_back_or_says_why_it_cannot_be_asked() -> None:
    found = look("ping", "127.0.0.1")
    assert found.ok or "may not send pings" in found.said


PRIVATE = [
    ("http", "http://127.0.0.1/", {}),
    ("http", "http://169.254.169.254/latest/", {}),
    ("http", "http://[::ffff:10.0.0.1]/", {}),
    ("http", "http://localhost:8000/", {}),
    ("tcp", "10.0.0.1:22", {}),
    ("tcp", "[::1]:22", {}),
    ("ping", "192.168.1.1", {}),
    ("dns", "example.org", {"server": "127.0.0.1"}),
]


@pytest.mark.parametrize(("kind", "target", "config"), PRIVATE)
def test_private_targets_are_refused_with_a_sentence_before_and_when_it_runs(
    kind: str, target: str, config: dict[str, Any]
) -> None:
    check = Check(name="x", kind=kind, target=target, config=config)
    [(_, said)] = services.faults(check)
    assert "not a public address" in said or "metadata" in said
    assert "WATCHKEEPER_OUTGOING_ALLOW" in said or "metadata" in said
    found = look(kind, target, **config)
    assert found.ok is False
    assert found.said == said
    check.by_agent = True
    if kind != "dns":
        assert services.faults(check) == []


@pytest.mark.parametrize(
    ("kind", "target", "config"),
    [
        ("http", "ftp://example.org", {}),
        ("http", "http://user:pw@example.org", {}),
        ("http", "https://example.org/", {"status": "fine"}),
        ("http", "https://example.org/", {"redirects": 99}),
        ("http", "https://example.org/", {"json": "a..b[x"}),
        ("http", "https://example.org/", {"headers": {"Host": "x"}}),
        ("http", "https://example.org/", {"colour": "red"}),
        ("tcp", "example.org", {}),
        ("tcp", "example.org:99999", {}),
        ("tcp", "::1:22", {}),
        ("ping", "example.org/x", {}),
        ("dns", "example.org", {"record": "ANY"}),
        ("heartbeat", "", {"cron": "61 * * * *"}),
        ("heartbeat", "", {"cron": "0 0 30 2 *"}),
        ("heartbeat", "", {"period": 60, "zone": "Mars/Base"}),
        ("heartbeat", "", {"period": 1}),
    ],
)
def test_wrong_settings_are_a_sentence(kind: str, target: str, config: dict[str, Any]) -> None:
    found = services.faults(Check(name="x", kind=kind, target=target, config=config))
    assert found
    assert all(said.endswith(".") for _, said in found)
