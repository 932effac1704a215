"""What each kind of notice says, word by word, in every language.

`GOLDEN=write ./watchkeeper test tests/alerts/test_golden.py` writes the files anew; read their difference
before you commit it.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import msgspec
import pytest
from django.conf import LazySettings

from accounts.models import Team
from alerts.channels.email import build
from alerts.channels.message import Message
from metrics import query
from metrics.memory import MemoryStore
from tests.alerts.cases import CASES
from tests.alerts.spoken import ZONES, World

FILED = Path(__file__).parent / "golden"
WRITE = os.environ.get("GOLDEN") == "write"
TOKEN = re.compile(r"/acknowledge/[^/\"\s]+/")


@pytest.fixture
def world(team: Team, settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> World:
    settings.SITE_URL = "https://watch.example.org"
    store = MemoryStore()
    monkeypatch.setattr(query, "store", store)
    return World(team, store)


def files(message: Message) -> dict[str, str]:
    mail = build(message, "ana@example.org")
    [html] = [str(content) for content, kind in mail.alternatives if kind == "text/html"]
    body = json.dumps(msgspec.to_builtins(message.body()), indent=1, ensure_ascii=False, sort_keys=True)
    return {"txt": f"Subject: {mail.subject}\n\n{mail.body}", "html": html, "sms": message.short + "\n", "json": body}


@pytest.mark.parametrize("language", ZONES)
@pytest.mark.parametrize("name", CASES)
def test_a_notice_says_what_it_said_before(world: World, name: str, language: str) -> None:
    message = world.told(CASES[name](world), language)
    for kind, written in files(message).items():
        path = FILED / f"{name}.{language}.{kind}"
        text = TOKEN.sub("/acknowledge/TOKEN/", written)
        if WRITE:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        assert text == path.read_text(), f"{path.name} differs; see this module's first lines"


def test_no_golden_file_is_left_over() -> None:
    wanted = {f"{name}.{language}.{kind}" for name in CASES for language in ZONES for kind in FILES}
    assert {path.name for path in FILED.iterdir()} == wanted


FILES = ("txt", "html", "sms", "json")
