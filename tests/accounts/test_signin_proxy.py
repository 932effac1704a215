"""Behind a proxy that speaks TLS: cookies, forms, the client's address, and the provider's way back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from http.cookies import SimpleCookie
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from accounts.models import Audit
from tests.product import EMAIL, Product
from tests.product import Reply as Answer
from tests.sinks import Received, Reply, WebhookSink

PUBLIC = "https://watch.example.org"
PASSWORD = "a long password 1"
FROM = "203.0.113.9"


def discovery(asked: Received) -> Reply:
    at = f"http://{asked.headers['Host']}"
    return Reply(
        body={
            "issuer": at, "authorization_endpoint": f"{at}/authorize", "token_endpoint": f"{at}/token",
            "userinfo_endpoint": f"{at}/me", "jwks_uri": f"{at}/keys",
        },
        headers={"Content-Type": "application/json"},
    )  # fmt: skip


@pytest.fixture(scope="module")
def provider() -> Iterator[WebhookSink]:
    with WebhookSink(discovery) as sink:
        yield sink


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory, provider: WebhookSink) -> Iterator[Product]:
    with Product(
        tmp_path_factory.mktemp("proxied") / "data",
        WATCHKEEPER_URL=PUBLIC, WATCHKEEPER_TLS="off", WATCHKEEPER_TRUSTED_PROXIES="127.0.0.1",
        WATCHKEEPER_ADMIN_EMAIL=EMAIL, WATCHKEEPER_ADMIN_PASSWORD=PASSWORD,
        WATCHKEEPER_OIDC_ISSUER=f"http://localhost:{provider.port}", WATCHKEEPER_OIDC_CLIENT_ID="watchkeeper",
    ) as product:  # fmt: skip
        yield product


class Proxied:
    """A browser behind the proxy."""

    def __init__(self, hub: Product, host: str = "watch.example.org") -> None:
        self.hub, self.host = hub, host
        self.cookies: SimpleCookie = SimpleCookie()

    def ask(self, method: str, path: str, form: dict[str, str] | None = None, origin: str = PUBLIC) -> Answer:
        headers = {
            "Host": self.host, "X-Forwarded-Proto": "https", "X-Forwarded-For": FROM, "Origin": origin,
            "Cookie": "; ".join(f"{name}={one.value}" for name, one in self.cookies.items()),
            "Content-Type": "application/x-www-form-urlencoded", "Referer": f"{origin}/",
        }  # fmt: skip
        answer = self.hub.request(method, path, urlencode(form or {}).encode(), headers=headers)
        # Only the last of several headers comes through here; each answer that matters sets one.
        self.cookies.load(answer.headers.get("set-cookie", ""))
        return answer

    def submit(self, path: str, form: dict[str, str], *, page: str = "", origin: str = PUBLIC) -> Answer:
        found = re.search(rb'name="csrfmiddlewaretoken" value="([^"]+)"', self.ask("GET", page or path).body)
        assert found
        return self.ask("POST", path, {"csrfmiddlewaretoken": found[1].decode(), **form}, origin)


def test_people_sign_in_with_cookies_for_https_alone(hub: Product) -> None:
    browser = Proxied(hub)
    answer = browser.submit("/accounts/login/", {"login": EMAIL, "password": PASSWORD})
    assert (answer.status, answer.headers["location"]) == (302, "/")
    assert set(browser.cookies) >= {"__Host-csrf", "__Host-session"}
    assert all(one["secure"] and one["path"] == "/" and not one["domain"] for one in browser.cookies.values())
    assert browser.cookies["__Host-session"]["httponly"]
    assert browser.ask("GET", "/").status == 200
    assert "max-age" in browser.ask("GET", "/").headers["strict-transport-security"]
    entered = hub.inside(lambda: Audit.objects.filter(action="sign_in").latest("at").address)
    assert entered == FROM


def test_a_form_of_a_stranger_is_refused(hub: Product) -> None:
    browser = Proxied(hub)
    sent = {"login": EMAIL, "password": PASSWORD}
    assert browser.submit("/accounts/login/", sent, origin="https://evil.example").status == 403
    assert Proxied(hub, host="evil.example").ask("GET", "/accounts/login/").status == 400


def test_the_provider_leads_back_to_the_public_address(hub: Product) -> None:
    browser = Proxied(hub)
    answer = browser.submit("/accounts/oidc/begin/", {"process": "login"}, page="/accounts/login/")
    assert answer.status == 302, answer.body[:500]
    issuer = hub.environment["WATCHKEEPER_OIDC_ISSUER"]
    assert answer.headers["location"].startswith(f"{issuer}/authorize?")
    query = parse_qs(urlsplit(answer.headers["location"]).query)
    assert query["redirect_uri"] == [f"{PUBLIC}/accounts/oidc/callback/"]
    assert query["code_challenge_method"] == ["S256"]
    policy = browser.ask("GET", "/accounts/login/").headers["content-security-policy"]
    assert policy.endswith(f"form-action 'self' {issuer}")


def test_whoever_came_by_another_name_goes_on_from_the_public_one(hub: Product) -> None:
    browser = Proxied(hub, host="localhost")
    answer = browser.submit(
        "/accounts/oidc/begin/", {"process": "login", "next": "/alerts/"}, page="/accounts/login/",
        origin="https://localhost",
    )  # fmt: skip
    assert answer.headers["location"] == f"{PUBLIC}/accounts/login/?next=%2Falerts%2F"


def test_a_provider_that_fails_is_told_in_a_sentence(hub: Product, provider: WebhookSink) -> None:
    browser = Proxied(hub)
    forged = browser.ask("GET", "/accounts/oidc/callback/?code=x&state=never-began")
    assert forged.status == 401
    assert b"without an answer that fits" in forged.body
    for broken in (500, Reply(body="<html>not here</html>"), Reply(body={"issuer": "half"})):
        provider.answer = broken
        answer = browser.submit("/accounts/oidc/begin/", {"process": "login"}, page="/accounts/login/")
        assert answer.status == 502, broken
        assert b"does not answer as it should" in answer.body
