"""Files of a report as programs read them: times below zero, letters of every script, and long names."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import pytest
from reportlab.pdfbase.pdfmetrics import stringWidth

from core import zones
from reports.document import Cell, Column, Document, Section, Table
from reports.formats import bidi, letters, pdf, xlsx


def document(*sections: Section, title: str = "Availability") -> Document:
    return Document("availability", title, "1-31", "", "Made now", "en", "https://watch.example.org", [], [*sections])


def test_a_time_below_zero_is_a_number_that_spreadsheets_can_show(tmp_path: Path) -> None:
    rows = [[Cell(7200.0, "2 h")], [Cell(-7200.0, "\u22122 h")]]
    section = Section("servers", "Servers", table=Table([Column("left", "Left", "duration")], rows))
    xlsx.write(document(section), tmp_path / "out.xlsx", zones.UTC)
    with zipfile.ZipFile(tmp_path / "out.xlsx") as book:
        sheet, styles = (book.read(f"xl/{name}.xml").decode() for name in ("worksheets/sheet2", "styles"))
    found = re.findall(r'<c r="A\d" s="(\d+)"><v>([-\d.]+)</v>', sheet)
    assert [round(float(value), 4) for _style, value in found] == [0.0833, -0.0833]
    codes = dict(re.findall(r'numFmtId="(\d+)" formatCode="([^"]+)"', styles))
    cells = re.findall(r'<xf numFmtId="(\d+)"', styles.partition("<cellXfs")[2])
    shapes = [codes.get(cells[int(style)], "") for style, _value in found]
    assert shapes == ["[h]:mm:ss", "0.000&quot; d&quot;"]


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("web-1", "web-1"),
        ("\u05e9\u05e8\u05ea web", "\u05ea\u05e8\u05e9 web"),
        ("\u05e9\u05e8\u05ea 10.5 (\u05d0)", "(\u05d0)\u00a010.5\u00a0\u05ea\u05e8\u05e9"),
        ("db \u05d0\u05b7\u05d1 1", "db 1\u00a0\u05d1\u05d0\u05b7"),  # the vowel stays behind its letter
        ("\u0633\u0644\u0627\u0645", "\ufee1\ufefc\ufeb3"),  # salam: its lam and alef are one
        ("\u062e\u0627\u062f\u0645", "\ufee1\u062f\ufe8e\ufea7".replace("\u062f", "\ufea9")),
    ],
)
def test_what_runs_from_right_to_left_is_seen_so(text: str, seen: str) -> None:
    assert bidi.visual(text) == seen


def test_letters_that_no_font_knows_are_said_to_be_missing(tmp_path: Path) -> None:
    letters.prepare()
    assert letters.plain("db \u05e9 \u0633 \u670d") == "db \ufeb1\u00a0\u05e9 \u670d"
    assert not letters.missing()
    assert letters.plain("web \u0e40\u0e27\u0e47\u0e1a") == f"web {letters.BOX * 3}"
    assert letters.missing()
    rows = [[Cell("\u0e40", "\u0e40")]]
    section = Section("list", "Servers", table=Table([Column("name", "Server")], rows))
    letters.prepare()
    told = [getattr(one, "text", "") for one in pdf._story(document(section), 400.0)]
    assert any("no font" in text for text in told)
    pdf.write(document(section), tmp_path / "out.pdf")
    assert (tmp_path / "out.pdf").stat().st_size > 1000


def test_a_long_label_ends_before_its_bar() -> None:
    letters.prepare()
    for text in ("W" * 100, "i" * 300, "\u670d" * 100, "short"):
        assert stringWidth(pdf._cut(text, 150.0), letters.face(text), 8) <= 150
    assert pdf._cut("short", 150.0) == "short"
    assert pdf._cut("W" * 100, 150.0).endswith("W\u2026")
