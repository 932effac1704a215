"""Signing in by browser: second factor, letters, invitations, and a real provider of OpenID Connect."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from accounts.models import Membership, Team, User
from accounts.services import invite
from monitor.launch import tether
from tests.accounts.signing import code
from tests.e2e.conftest import DESK, PHONE, Open
from tests.product import EMAIL, MailSink, Product, room, until
from tests.services import free_port

PASSWORD = "a sentence of my own"
PEOPLE = [
    {"sub": "owner", "email": EMAIL, "email_verified": True, "name": "The Owner", "amr": ["pwd", "mfa"]},
    {"sub": "stranger", "email": "stranger@example.org", "email_verified": True, "name": "Some Stranger"},
    {"sub": "liar", "email": EMAIL, "email_verified": False, "name": "Not the Owner"},
    {"sub": "invited", "email": "invited@example.org", "email_verified": True, "name": "Ines Invited"},
    {
        "sub": "grouped",
        "email": "grouped@example.org",
        "email_verified": True,
        "name": "Gro",
        "groups": ["it", "boss"],
    },
]
SCREENS = [(width, theme) for width in (DESK, PHONE) for theme in ("dark", "light")]


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A process of its own on loopback; its name differs from the hub's, as browsers share cookies between ports."""
    port = free_port()
    words = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port)]
    words += [word for person in PEOPLE for word in ("--user-claims", json.dumps(person))]
    log = (tmp_path_factory.mktemp("provider") / "log").open("wb")
    child = subprocess.Popen(tether.words(*words), stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    issuer = f"http://localhost:{port}"
    try:
        until(lambda: _answers(issuer), 60, "the provider")
        yield issuer
    finally:
        child.kill()
        child.wait(10)
        log.close()


def _answers(issuer: str) -> bool:
    import requests

    try:
        return requests.get(f"{issuer}/.well-known/openid-configuration", timeout=2).ok
    except requests.ConnectionError:
        return False


@pytest.fixture(scope="module")
def sink() -> Iterator[MailSink]:
    with MailSink() as sink:
        yield sink


def outside(issuer: str, **more: str) -> dict[str, Any]:
    return {
        "WATCHKEEPER_OIDC_ISSUER": issuer, "WATCHKEEPER_OIDC_CLIENT_ID": "watchkeeper",
        "WATCHKEEPER_OIDC_CLIENT_SECRET": "a secret of theirs", "WATCHKEEPER_OIDC_NAME": "Test ID", **more,
    }  # fmt: skip


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory, provider: str, sink: MailSink) -> Iterator[Product]:
    given = outside(provider, EMAIL_URL=f"{sink.url}?from=watch@example.org")
    with Product(tmp_path_factory.mktemp("hub") / "data", **given) as product:
        yield product.wait_watched()


@pytest.fixture
def new_page(browser: Browser) -> Iterator[Callable[[], Page]]:
    """A browser that knows nothing; the content policy must have nothing to complain about."""
    complaints: list[str] = []
    contexts = []

    def make() -> Page:
        contexts.append(browser.new_context(viewport=DESK))
        page = contexts[-1].new_page()
        page.on("console", lambda one: complaints.append(one.text) if "Content Security" in one.text else None)
        return page

    yield make
    for context in contexts:
        context.close()
    assert not complaints


def invitation(hub: Product, email: str, role: str = "operator") -> str:
    def make() -> str:
        owner = User.objects.get(email=EMAIL)
        return invite(Team.objects.get(name="Main"), email, role, by=owner).address

    return hub.url + "/invitation/" + str(hub.inside(make)).split("/invitation/")[1]


def roles(hub: Product, email: str) -> list[str]:
    def look() -> list[str]:
        user = User.objects.filter(email=email).first()
        return [member.role for member in user.memberships.all()] if user else ["nobody"]

    return list(hub.inside(look))


def enter(page: Page, hub: Product, email: str, password: str) -> None:
    page.goto(f"{hub.url}/accounts/login/")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(password)
    page.keyboard.press("Enter")


def come_by_provider(page: Page, hub: Product, sub: str) -> None:
    page.goto(f"{hub.url}/accounts/login/")
    page.get_by_role("button", name="Continue with Test ID").click()
    page.get_by_role("button", name=sub, exact=True).first.click()


def member(new_page: Callable[[], Page], hub: Product, email: str) -> Page:
    """Somebody who is here already, signed in."""

    def make() -> None:
        user = User.objects.create_user(email, PASSWORD)
        Membership.objects.create(team=Team.objects.get(name="Main"), user=user, role="operator")

    hub.inside(make)
    page = new_page()
    enter(page, hub, email, PASSWORD)
    page.wait_for_url(f"{hub.url}/")
    return page


def test_a_new_person_joins_by_the_keyboard_alone(new_page: Callable[[], Page], hub: Product) -> None:
    page = new_page()
    page.goto(invitation(hub, "ana@example.org"))
    page.get_by_label("Your name").focus()
    for text in ("Ana Sá", PASSWORD, PASSWORD):
        page.keyboard.type(text)
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{hub.url}/")
    expect(page.get_by_role("status").filter(has_text="You are in the team Main now.")).to_be_visible()
    assert roles(hub, "ana@example.org") == ["operator"]


def test_second_factor_and_recovery_code(new_page: Callable[[], Page], hub: Product) -> None:
    page = member(new_page, hub, "tess@example.org")
    page.goto(f"{hub.url}/accounts/2fa/")
    page.get_by_role("link", name="Set up").click()
    picture = page.locator("img.qr")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.naturalWidth > 0")
    secret = page.get_by_label("Key").inner_text().strip()
    page.get_by_label("Authenticator code").fill(code(secret))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    codes = page.locator(".codes li").all_inner_texts()
    with page.expect_download() as file:
        page.get_by_role("link", name="Download").click()
    assert all(one in Path(str(file.value.path())).read_text() for one in codes)

    other = new_page()
    enter(other, hub, "tess@example.org", PASSWORD)
    expect(other.get_by_role("heading", name="Your code")).to_be_visible()
    other.goto(f"{hub.url}/alerts/")
    expect(other).to_have_url(re.compile("/accounts/2fa/authenticate/"))  # half signed in is not signed in
    other.get_by_role("button", name="Sign in as somebody else").click()
    expect(other.get_by_label("Password")).to_be_visible()
    enter(other, hub, "tess@example.org", PASSWORD)
    other.get_by_label("Code").fill(codes[0])
    other.keyboard.press("Enter")
    other.wait_for_url(f"{hub.url}/")
    expect(other.get_by_text("9 recovery codes are left.")).to_be_visible()


def test_an_ended_session_is_over_at_once_and_its_live_line_too(new_page: Callable[[], Page], hub: Product) -> None:
    page = member(new_page, hub, "sam@example.org")
    other = new_page()
    closed: list[str] = []
    other.on("websocket", lambda line: line.on("close", lambda one: closed.append(one.url)))
    enter(other, hub, "sam@example.org", PASSWORD)
    expect(other.locator("[data-live-text]")).to_have_text("Live", timeout=20_000)
    page.goto(f"{hub.url}/accounts/2fa/totp/activate/")
    secret = page.get_by_label("Key").inner_text().strip()
    page.get_by_label("Authenticator code").fill(code(secret))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()

    def over() -> bool:
        other.wait_for_timeout(100)
        return bool(closed)

    # At once: two seconds of a quiet machine.
    until(over, 2 * room(), "the end of the live line")
    other.goto(f"{hub.url}/alerts/")
    expect(other).to_have_url(re.compile("/accounts/login/"))


def test_a_forgotten_password_comes_back_by_letter(
    new_page: Callable[[], Page], hub: Product, sink: MailSink
) -> None:
    member(new_page, hub, "rosa@example.org")
    page = new_page()
    page.goto(f"{hub.url}/accounts/login/")
    page.get_by_role("link", name="Forgot your password?").click()
    page.get_by_label("Email").fill("rosa@example.org")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Look into your mail")).to_be_visible()
    until(lambda: "new password for rosa" in _last(sink), 15, "the letter")
    path = re.search(r"https?://[^/\s]+(/accounts/password/\S+)", _last(sink))
    assert path
    page.goto(hub.url + path[1])
    assert path[1] not in page.url  # the secret does not stay in the address
    page.get_by_label("New Password", exact=True).fill("quite another sentence")
    page.get_by_label("New Password (again)").fill("quite another sentence")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/accounts/login/"))
    enter(page, hub, "rosa@example.org", "quite another sentence")
    page.wait_for_url(f"{hub.url}/")
    until(lambda: "Your password was changed" in _last(sink), 15, "the second letter")


def _last(sink: MailSink) -> str:
    return str(sink.messages[-1].get_content()) if sink.messages else ""


def test_the_provider_signs_in_who_has_an_account_with_a_proven_address(
    new_page: Callable[[], Page], hub: Product, provider: str
) -> None:
    page = new_page()
    asked: list[str] = []
    page.on(
        "request", lambda one: asked.append(one.url) if one.url.startswith(f"{provider}/oauth2/authorize") else None
    )
    come_by_provider(page, hub, "owner")
    page.wait_for_url(f"{hub.url}/")
    query = parse_qs(urlsplit(asked[0]).query)
    assert query["code_challenge_method"] == ["S256"]
    assert query["redirect_uri"] == [f"{hub.url}/accounts/oidc/callback/"]
    again = new_page()
    come_by_provider(again, hub, "owner")
    again.wait_for_url(f"{hub.url}/")
    own = new_page()
    enter(own, hub, EMAIL, hub.password)  # the password stays good
    own.wait_for_url(f"{hub.url}/")


@pytest.mark.parametrize(
    ("sub", "sentence"),
    [("stranger", "stranger@example.org has no place here yet."), ("liar", "does not vouch for your e-mail")],
)  # fmt: skip
def test_the_provider_lets_nobody_in_who_is_unknown_or_not_vouched_for(
    new_page: Callable[[], Page], hub: Product, sub: str, sentence: str
) -> None:
    page = new_page()
    come_by_provider(page, hub, sub)
    expect(page.get_by_role("heading", name="You cannot come in yet")).to_be_visible()
    expect(page.locator("main")).to_contain_text(sentence)
    page.goto(f"{hub.url}/alerts/")
    expect(page).to_have_url(re.compile("/accounts/login/"))
    assert roles(hub, "stranger@example.org") == ["nobody"]


def test_whoever_was_invited_may_come_by_the_provider(new_page: Callable[[], Page], hub: Product) -> None:
    page = new_page()
    page.goto(invitation(hub, "invited@example.org", "viewer"))
    page.get_by_role("button", name="Continue with Test ID").click()
    page.get_by_role("button", name="invited", exact=True).first.click()
    page.wait_for_url(re.compile(f"{hub.url}/"))
    assert roles(hub, "invited@example.org") == ["viewer"]


def test_turning_back_at_the_provider_and_a_forged_answer_end_in_a_sentence(
    new_page: Callable[[], Page], hub: Product
) -> None:
    page = new_page()
    page.goto(f"{hub.url}/accounts/login/")
    page.get_by_role("button", name="Continue with Test ID").click()
    page.get_by_role("button", name="Deny").wait_for()
    state = parse_qs(urlsplit(page.url).query)["state"][0]
    # The provider of these tests forgets the state when it refuses, which real ones must not.
    page.goto(f"{hub.url}/accounts/oidc/callback/?error=access_denied&state={state}")
    expect(page.locator("main")).to_contain_text("You stopped signing in.")
    page.goto(f"{hub.url}/accounts/oidc/callback/?code=forged&state=forged")
    expect(page.get_by_role("heading", name="That did not work")).to_be_visible()


def test_the_provider_alone_may_sign_in_and_a_team_may_take_all(
    new_page: Callable[[], Page], tmp_path: Path, provider: str
) -> None:
    given = outside(
        provider, WATCHKEEPER_LOCAL_LOGIN="off", WATCHKEEPER_OIDC_TEAM="Main", WATCHKEEPER_OIDC_ROLE="operator",
        WATCHKEEPER_SECOND_FACTOR="owners", WATCHKEEPER_OIDC_GROUPS="nobody=Main:viewer, boss=Main:manager",
    )  # fmt: skip
    with Product(tmp_path / "data", **given) as hub:
        page = new_page()
        page.goto(f"{hub.url}/accounts/login/")
        assert page.get_by_label("Password").count() == 0
        come_by_provider(page, hub, "stranger")
        page.wait_for_url(f"{hub.url}/")
        assert roles(hub, "stranger@example.org") == ["operator"]
        grouped = new_page()
        come_by_provider(grouped, hub, "grouped")
        grouped.wait_for_url(f"{hub.url}/")
        assert roles(hub, "grouped@example.org") == ["manager"]
        grouped.goto(f"{hub.url}/accounts/logout/")
        grouped.locator("main").get_by_role("button", name="Sign out").click()
        grouped.get_by_role("link", name="Sign out there too").click()
        grouped.wait_for_url(re.compile(f"{provider}/oauth2/end_session"))
        assert hub.request("GET", "/accounts/password/reset/").status == 404
        strong = new_page()
        come_by_provider(strong, hub, "owner")
        strong.wait_for_url(f"{hub.url}/")  # an owner, and the provider says that it saw a second factor
        by_hand = new_page()
        by_hand.goto(hub.manage("sign_in_link", "--email", EMAIL).strip())
        by_hand.get_by_role("button", name="Sign in").click()
        expect(by_hand.get_by_role("heading", name="Set up a second factor")).to_be_visible()


PAGES = [
    "/accounts/login/", "/accounts/password/reset/", "/accounts/password/reset/done/",
    "/accounts/password/reset/key/1-gone/", "/accounts/way-in/gone/", "/accounts/inactive/",
    "/invitation/wki_0000000000000000.gone/", "/accounts/oidc/callback/?state=x", "/accounts/oidc/cancelled/",
]  # fmt: skip
INSIDE = ["/accounts/2fa/", "/accounts/2fa/totp/activate/", "/accounts/password/change/", "/accounts/logout/"]


@pytest.mark.parametrize("signed_in", [False, True], ids=["entrance", "inside"])
def test_every_page_is_accessible_on_every_screen(
    open_page: Open, hub: Product, axe: Callable[[Page], list[str]], *, signed_in: bool
) -> None:
    faults: dict[str, Any] = {}
    paths = INSIDE if signed_in else [*PAGES, urlsplit(invitation(hub, "axe@example.org")).path]
    # Each page in both widths and both themes, in two runs rather than four.
    for number, (width, theme) in enumerate(SCREENS):
        page = open_page(paths[0], viewport=width, theme=theme, signed_in=signed_in)
        for path in paths[number in {1, 2} :: 2]:
            page.goto(hub.url + path)
            found = axe(page)
            if not page.evaluate("document.documentElement.scrollWidth <= innerWidth"):
                found.append("scrolls sideways")
            if found:
                faults[f"{path} {width['width']} {theme}"] = found
    assert not faults
