"""Which font draws which letters of a PDF. Part of the child that draws: its tool is large."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from pathlib import Path

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont

from reports.formats import bidi

PLAIN, BOLD = "DejaVuSans", "DejaVuSans-Bold"
FOLDER = Path(__file__).parent / "fonts"
HAN, KANA, HANGUL = "STSong-Light", "HeiseiKakuGo-W5", "HYGothic-Medium"
"""Not in the file: every reader of PDF brings fonts for these."""
_HANGUL, _KANA = "\u1100-\u11ff\u3130-\u318f\uac00-\ud7af", "\u3040-\u30ff\u31f0-\u31ff\uff65-\uff9f"
_EAST = re.compile(f"[{_HANGUL}{_KANA}\u2e80-\u303f\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]+")


BOX = "\u25af"
"""For a letter that no font here knows; the document says so."""
_unknown: set[str] = set()


def prepare() -> None:
    """DejaVu Sans, which is put into the file: Latin, Greek, Cyrillic, Armenian, Georgian, Hebrew and Arabic."""
    _unknown.clear()
    for name in (PLAIN, BOLD):
        pdfmetrics.registerFont(TTFont(name, str(FOLDER / f"{name}.ttf")))
    pdfmetrics.registerFontFamily(PLAIN, normal=PLAIN, bold=BOLD, italic=PLAIN, boldItalic=BOLD)


def missing() -> bool:
    """Whether a letter was asked for since that no font here knows."""
    return bool(_unknown)


def marked(text: str) -> str:
    """A paragraph's text, its signs escaped, with the letters of East Asia in fonts that know them."""
    return _EAST.sub(lambda found: f'<font name="{_eastern(found[0])}">{found[0]}</font>', plain(text))


def plain(text: str) -> str:
    """As it is drawn: what runs from right to left in the order it is seen, and nothing that cannot be drawn."""
    if text.isascii():
        return text
    known = pdfmetrics.getFont(PLAIN).face.charToGlyph
    return "".join(sign if ord(sign) in known or _EAST.match(sign) else _instead(sign) for sign in bidi.visual(text))


def _instead(sign: str) -> str:
    """Nothing for what is no letter by itself, such as marks and signs of control."""
    if unicodedata.category(sign)[0] in "CM":
        return ""
    _unknown.add(sign)
    return BOX


def face(text: str) -> str:
    """The one font for a text that can have one only."""
    found = _EAST.search(text)
    return _eastern(found[0]) if found else PLAIN


def _eastern(text: str) -> str:
    if re.search(f"[{_HANGUL}]", text):
        return _known(HANGUL)
    return _known(KANA if re.search(f"[{_KANA}]", text) else HAN)


@cache
def _known(name: str) -> str:
    pdfmetrics.registerFont(UnicodeCIDFont(name))
    return name
