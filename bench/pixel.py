"""How long from a stored sample to the pixel: of a server's own page, of the fleet, and of an alert in the inbox.

A real hub and a real browser. The page notes when the socket brought a value and when it was painted, by the clock of
this machine, so that no polling of the measurer is in the figures.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from bench._figures import judged, row, spread
from bench.live import started
from tests.product import EMAIL, Product

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
WATCH = """
(() => {
  const seen = (window.__seen = { heard: {}, drawn: {} })
  const at = () => (performance.timeOrigin + performance.now()) / 1000
  const NUMBER = /(?<![\\d.])\\d\\d\\.[35](?!\\d)/g
  const Native = window.WebSocket
  window.WebSocket = class extends Native {
    constructor(...given) {
      super(...given)
      this.addEventListener('message', (event) => {
        for (const [value] of String(event.data).matchAll(NUMBER)) seen.heard[value] ??= at()
      })
    }
  }
  const look = () => {
    for (const box of document.querySelectorAll(window.__where ?? 'x-none')) {
      const value = /(\\d\\d[.,][35])\\s?%/.exec(box.textContent)?.[1]?.replace(',', '.')
      // Two frames on, what this one changed is on the screen.
      if (value && !(value in seen.drawn)) {
        seen.drawn[value] = null
        requestAnimationFrame(() => { const on = new MessageChannel()
          on.port1.onmessage = () => { seen.drawn[value] = at() }
          on.port2.postMessage(0) })
      }
    }
  }
  new MutationObserver(look).observe(document, { subtree: true, childList: true, characterData: true })
})()
"""
CALLED = """
(() => {
  const seen = (window.__called = {})
  const look = () => {
    for (const [, number] of (document.querySelector('main')?.textContent ?? '').matchAll(/Round (\\d\\d)/g)) {
      if (number in seen) continue
      seen[number] = null
      requestAnimationFrame(() => { const on = new MessageChannel()
        on.port1.onmessage = () => { seen[number] = (performance.timeOrigin + performance.now()) / 1000 }
        on.port2.postMessage(0) })
    }
  }
  new MutationObserver(look).observe(document, { subtree: true, childList: true, characterData: true })
})()
"""
MOST_ALERTS = 99
PLACES = {"server": ".chart .v", "fleet": "main article, main .card, main tr"}


@contextmanager
def _browser() -> Iterator[Any]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield browser
        browser.close()


def _sign_in(page: Page, product: Product) -> None:
    page.goto(f"{product.url}/")
    page.get_by_label("Email").fill(EMAIL)
    page.get_by_label("Password").fill(product.password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{product.url}/")


def _rounds(product: Product, page: Page, key: str, count: int, tenth: float) -> list[tuple[float, float, float]]:
    """Post, commit and what the page noted, at moments that are no multiple of anybody's second."""
    chance = random.Random(7)
    found = []
    for number in range(count):
        value = 10 + number % 89 + tenth
        sample = {"t": time.time(), "m": {"cpu_used_percent": value}}
        began = time.time()
        answer = product.request(
            "POST", "/api/v1/ingest", {"samples": [sample]}, headers={"Authorization": f"Bearer {key}"}
        )
        assert answer.status == 200, answer.body
        stored = time.time()
        page.wait_for_function("v => window.__seen.drawn[v]", arg=f"{value:.1f}", timeout=10_000, polling=50)
        heard, drawn = page.evaluate("v => [window.__seen.heard[v], window.__seen.drawn[v]]", f"{value:.1f}")
        found.append((stored - began, heard - stored, drawn - heard))
        time.sleep(chance.uniform(0.2, 2.5))
    return found


def _alerts(product: Product, page: Page, key: str, count: int) -> list[float]:
    """From the answer to a breaching post to its row in the inbox, painted; a rule each, so that none is grouped."""
    token, chance, took = product.api_token(), random.Random(8), []
    for number in range(count):
        rule = {
            "name": f"Round {number:02}", "kind": "threshold", "metric": f"round_{number:02}", "op": "above",
            "warn": 0.5, "critical": 1.5, "selector": "", "for": 0, "notify": [],
        }  # fmt: skip
        assert product.request("POST", "/api/v1/rules", rule, token=token).status == 201
    page.goto(f"{product.url}/alerts/?tab=all")
    page.locator("[data-live-text]", has_text="Live").wait_for()
    for number in range(count):
        sample = {"t": time.time(), "m": {f"round_{number:02}": 1.0}}
        headers = {"Authorization": f"Bearer {key}"}
        assert product.request("POST", "/api/v1/ingest", {"samples": [sample]}, headers=headers).status == 200
        stored = time.time()
        page.wait_for_function("n => window.__called[n]", arg=f"{number:02}", timeout=20_000, polling=50)
        took.append(page.evaluate("n => window.__called[n]", f"{number:02}") - stored)
        time.sleep(chance.uniform(0.2, 2.5))
    return took


def main() -> int:
    asked = argparse.ArgumentParser(prog="./watchkeeper bench pixel", description=__doc__, allow_abbrev=False)
    asked.add_argument("--rounds", type=int, default=40)
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder, started(Path(folder) / "data") as product, _browser() as browser:
        product.wait_watched()
        server, key = product.enrol("quick")
        context = browser.new_context(viewport={"width": 1440, "height": 1000})
        _sign_in(context.new_page(), product)
        for name, path, tenth in (("server", f"/servers/{server}/", 0.5), ("fleet", "/", 0.3)):
            page = context.new_page()
            page.add_init_script(WATCH + f"\nwindow.__where = {PLACES[name]!r}")
            page.goto(f"{product.url}{path}")
            page.locator("[data-live-text]", has_text="Live").wait_for()
            took = _rounds(product, page, key, given.rounds, tenth)
            row(f"{name}: post to its answer, seconds", spread([one for one, _, _ in took]), "none")
            row("  stored to socket", spread([one for _, one, _ in took]), "none")
            row("  socket to painted", spread([one for _, _, one in took]), "none")
            whole = sorted(one + two for _, one, two in took)
            judged("  stored to pixel, p95", f"{whole[round(0.95 * (len(whole) - 1))]:.3f}", "<= 0.5")
            row("  stored to pixel", spread(whole), "none")
            page.close()
        page = context.new_page()
        page.add_init_script(CALLED)
        told = sorted(_alerts(product, page, key, min(given.rounds, MOST_ALERTS)))
        judged("alert: stored sample to its row in the inbox", f"{told[round(0.95 * (len(told) - 1))]:.3f}", "<= 2")
        row("  stored to row", spread(told), "none")
    return 0


if __name__ == "__main__":
    sys.exit(main())
