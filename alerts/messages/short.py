"""A message in the 160 characters of one text message, in the alphabet that telephones share (GSM-7)."""

from __future__ import annotations

import unicodedata

from alerts.telephone import GSM, TWICE

MOST = 160
INSTEAD = {
    "…": "...",
    "\u2013": "-",
    "\u2014": "-",
    "“": '"',
    "”": '"',
    "\u2018": "'",
    "\u2019": "'",
    "°": "",
    "\u2068": "",
    "\u2069": "",
}


def width(text: str) -> int:
    return sum(2 if sign in TWICE else 1 for sign in text)


def gsm(text: str) -> str:
    """In letters a telephone has: accents it does not know are dropped, other scripts become question marks."""
    return "".join(_sign(sign) for sign in text)


def _sign(sign: str) -> str:
    if sign in GSM or sign in TWICE:
        return sign
    if sign in INSTEAD:
        return INSTEAD[sign]
    bare = "".join(one for one in unicodedata.normalize("NFKD", sign) if not unicodedata.combining(one))
    return bare if bare and all(one in GSM or one in TWICE for one in bare) else "?"


def fit(text: str, address: str = "", most: int = MOST) -> str:
    """The text, cut where it must be, and the address whole, or not at all."""
    text, address = gsm(text), gsm(address)
    room = most - width(address) - 1 if address else most
    if address and room < most // 3:
        address, room = "", most
    return f"{_cut(text, room)} {address}".strip()


def _cut(text: str, most: int) -> str:
    if width(text) <= most:
        return text
    while width(text) > most - 3:
        text = text[:-1]
    return f"{text.rstrip()}..."
