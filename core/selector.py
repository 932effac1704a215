"""Which servers are meant: `tag:db and not (env:dev or name:"web 1")`, parsed once, matched often."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from fnmatch import translate

from core.spoken import spoken as _

KEYS = ("name", "tag", "role", "os", "site", "env", "id")
OF_ONE = ("name", "id")
VEIL = "…"
PRODUCTION = "production"
LONGEST = 2000
DEEPEST = 20
_TOKEN = re.compile(r'\s*(?:(?P<mark>[()])|(?P<word>[a-z]+):(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<glob>[^\s()"]+))'
                    r"|(?P<joint>and|or|not)\b)", re.IGNORECASE)  # fmt: skip
_VEILED = re.compile(rf"\b(?:{'|'.join(OF_ONE)}):{VEIL}", re.IGNORECASE)

Words = Mapping[str, Collection[str]]
Test = Callable[[Words], bool]


class Unreadable(ValueError):
    """The text is no selector; says where and what to write."""


@dataclass(frozen=True)
class Selector:
    """A parsed selector. Servers that are not in production are left out unless `env:` is named."""

    text: str
    test: Test
    names_env: bool

    def matches(self, words: Words) -> bool:
        if not self.names_env and not any(word.lower() == PRODUCTION for word in words.get("env", (PRODUCTION,))):
            return False
        return self.test(words)


def _everything(_words: Words) -> bool:
    return True


def parse(text: str) -> Selector:
    if len(text) > LONGEST:
        said = _("A selector may be %(most)d characters long; this one has %(length)d.")
        raise Unreadable(said % {"most": LONGEST, "length": len(text)})
    if not text.strip():
        return Selector(text, _everything, names_env=False)
    parser = _Parser(text)
    test = parser.either(0)
    if parser.token:
        raise parser.fault(_("%(word)s is one too many") % {"word": repr(parser.token[1])})
    return Selector(text, test, parser.names_env)


class _Parser:
    """or < and < not < key:value and parentheses; one token of look-ahead."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.place = 0
        self.names_env = False
        self.token: tuple[str, str, str] | None = None
        self.next()

    def fault(self, what: str) -> Unreadable:
        said = _('%(what)s (near character %(place)d). Write it like: tag:db and not name:"test 1".')
        return Unreadable(said % {"what": what, "place": self.place + 1})

    def next(self) -> None:
        if not self.text[self.place :].strip():
            self.token = None
            return
        found = _TOKEN.match(self.text, self.place)
        if not found:
            rest = repr(self.text[self.place :].strip()[:20])
            raise self.fault(_("%(text)s is no key:value") % {"text": rest})
        self.place = found.end()
        if found["mark"]:
            self.token = (found["mark"], found["mark"], "")
        elif found["joint"]:
            self.token = (found["joint"].lower(), found["joint"], "")
        else:
            self.token = ("term", found["word"].lower(), _pattern(found))

    def at(self, kind: str) -> bool:
        return self.token is not None and self.token[0] == kind

    def either(self, depth: int) -> Test:
        tests = [self.both(depth)]
        while self.at("or"):
            self.next()
            tests.append(self.both(depth))
        return tests[0] if len(tests) == 1 else lambda words: any(test(words) for test in tests)

    def both(self, depth: int) -> Test:
        tests = [self.one(depth)]
        while self.at("and"):
            self.next()
            tests.append(self.one(depth))
        return tests[0] if len(tests) == 1 else lambda words: all(test(words) for test in tests)

    def one(self, depth: int) -> Test:
        if depth > DEEPEST:
            raise self.fault(_("More than %(most)d levels of parentheses") % {"most": DEEPEST})
        if self.at("not"):
            self.next()
            inner = self.one(depth + 1)
            return lambda words: not inner(words)
        if self.at("("):
            self.next()
            test = self.either(depth + 1)
            if not self.at(")"):
                raise self.fault(_("A closing parenthesis is missing"))
            self.next()
            return test
        return self.term()

    def term(self) -> Test:
        if self.token is None or self.token[0] != "term":
            raise self.fault(_("A key:value is missing"))
        _kind, key, pattern = self.token
        if key not in KEYS:
            known = {"key": repr(key), "keys": ", ".join(KEYS)}
            raise self.fault(_("%(key)s is not known; keys are %(keys)s") % known)
        self.names_env = self.names_env or key == "env"
        fits = re.compile(pattern, re.DOTALL).fullmatch
        self.next()
        return lambda words: any(fits(word.lower()) for word in words.get(key, ()))


def given(text: str) -> Selector:
    """Of one that is to be kept: a veil that was saved would stand for no server at all."""
    found = parse(text)
    if is_veiled(text):
        raise Unreadable(_("“…” stands for servers that its reader may not see: write which are meant."))
    return found


def naming(text: str) -> bool:
    """Whether single servers may stand in it."""
    return any(f"{key}:" in text.lower() for key in OF_ONE)


def is_veiled(text: str) -> bool:
    """Whether names were left out of it."""
    return bool(_VEILED.search(text))


def veiled(text: str, seen: Collection[Words]) -> str:
    """The same with "…" for what names servers alone that are none of these."""

    def veil(found: re.Match[str]) -> str:
        key = (found["word"] or "").lower()
        if key not in OF_ONE:
            return found[0]
        fits = re.compile(_pattern(found), re.DOTALL).fullmatch
        if any(fits(word.lower()) for words in seen for word in words.get(key, ())):
            return found[0]
        return f"{found[0][: found.end('word') - found.start()]}:{VEIL}"

    return _TOKEN.sub(veil, text)


def _pattern(found: re.Match[str]) -> str:
    return _exactly(found["quoted"]) if found["glob"] is None else translate(found["glob"].lower())


def _exactly(quoted: str) -> str:
    return re.escape(re.sub(r"\\(.)", r"\1", quoted).lower())
