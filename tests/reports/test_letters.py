"""Names in any script are letters in the PDF, not boxes."""

from __future__ import annotations

from pathlib import Path

import pytest
from reportlab.pdfbase import pdfmetrics

from reports.document import Cell, Column, Document, Section, Table
from reports.formats import bidi, letters, pdf

EMBEDDED = [
    "Åse Ørsted",
    "São Paulo",
    "Ελληνικά",
    "Сервер базы",
    "Đặng Việt",
    "ქართული",
    "Հայերեն",
    "→ ≥ “x” €",
    "שרת",
    "خادم",
]
EASTERN = {"服务器": letters.HAN, "サーバー東京": letters.KANA, "서버": letters.HANGUL}


@pytest.mark.parametrize("text", EMBEDDED)
def test_the_font_in_the_file_knows_these_letters(text: str) -> None:
    letters.prepare()
    for name in (letters.PLAIN, letters.BOLD):
        known = pdfmetrics.getFont(name).face.charToGlyph
        assert [sign for sign in text if ord(sign) not in known] == []
    assert letters.BOX not in letters.marked(text)
    assert letters.marked(text) == bidi.visual(text)


def test_letters_of_east_asia_are_in_fonts_that_every_reader_brings(tmp_path: Path) -> None:
    for text, name in EASTERN.items():
        assert letters.marked(f"web {text} &amp; 1") == f'web <font name="{name}">{text}</font> &amp; 1'
    rows = [[Cell(text, text)] for text in [*EMBEDDED, *EASTERN]]
    section = Section("list", "服务器", table=Table([Column("name", "Имя")], rows))
    document = Document("inventory", "東京", "1-31", "", "", "en", "https://watch.example.org", [], [section])
    pdf.write(document, tmp_path / "out.pdf")
    written = (tmp_path / "out.pdf").read_bytes()
    for name in (*EASTERN.values(), letters.PLAIN, letters.BOLD):
        assert f"/{name}".encode() in written or f"+{name}".encode() in written, name


def test_the_fonts_stay_small() -> None:
    assert sum(file.stat().st_size for file in letters.FOLDER.glob("*.ttf")) < 450_000
    assert (letters.FOLDER / "LICENSE").exists()
