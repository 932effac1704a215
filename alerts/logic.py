"""Conditions over other rules: `<id> and (<id> or not <id>)`, parsed once, asked often. No Django."""

from __future__ import annotations

import re
from collections.abc import Callable, Container
from dataclasses import dataclass
from uuid import UUID

LONGEST = 2000
DEEPEST = 20
MOST = 50
_TOKEN = re.compile(r"\s*(?:(?P<mark>[()])|(?P<word>[^\s()]+))")

Test = Callable[[Container[UUID]], bool]


class Unreadable(ValueError):
    """The text is no condition; says where and what to write."""


@dataclass(frozen=True)
class Condition:
    """Which rules it names, and whether it holds when these of them fire."""

    rules: frozenset[UUID]
    holds: Test


def parse(text: str) -> Condition:
    if len(text) > LONGEST:
        raise Unreadable(f"At most {LONGEST} characters.")
    parser = _Parser(text)
    test = parser.either(0)
    if parser.token:
        raise Unreadable(f"{parser.token[:40]!r} is one too many. {_HOW}")
    if len(parser.rules) > MOST:
        raise Unreadable(f"At most {MOST} rules can be joined.")
    return Condition(frozenset(parser.rules), test)


_HOW = "Write ids of rules joined by and, or, not and parentheses."


class _Parser:
    """or < and < not < id and parentheses; one token of look-ahead."""

    def __init__(self, text: str) -> None:
        self.tokens = [found["mark"] or found["word"] for found in _TOKEN.finditer(text)][::-1]
        self.rules: set[UUID] = set()

    @property
    def token(self) -> str:
        return self.tokens[-1] if self.tokens else ""

    def next(self, word: str) -> bool:
        if self.token.lower() == word:
            self.tokens.pop()
            return True
        return False

    def either(self, depth: int) -> Test:
        tests = [self.both(depth)]
        while self.next("or"):
            tests.append(self.both(depth))
        return tests[0] if len(tests) == 1 else lambda firing: any(test(firing) for test in tests)

    def both(self, depth: int) -> Test:
        tests = [self.one(depth)]
        while self.next("and"):
            tests.append(self.one(depth))
        return tests[0] if len(tests) == 1 else lambda firing: all(test(firing) for test in tests)

    def one(self, depth: int) -> Test:
        if depth > DEEPEST:
            raise Unreadable(f"More than {DEEPEST} levels of parentheses.")
        if self.next("not"):
            inner = self.one(depth + 1)
            return lambda firing: not inner(firing)
        if self.next("("):
            test = self.either(depth + 1)
            if not self.next(")"):
                raise Unreadable(f"A closing parenthesis is missing. {_HOW}")
            return test
        return self.rule()

    def rule(self) -> Test:
        if not self.tokens:
            raise Unreadable(f"A rule's id is missing. {_HOW}")
        word = self.tokens.pop()
        try:
            rule = UUID(word)
        except ValueError as fault:
            raise Unreadable(f"{word[:40]!r} is no id of a rule. {_HOW}") from fault
        self.rules.add(rule)
        return lambda firing: rule in firing
