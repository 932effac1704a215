"""Read `rules.yaml` plainly: mappings, lists and words, each with its line. No tags, no anchors, no surprises."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

LARGEST = 1 << 20
MOST_RULES = 2000
DEEPEST = 8
MOST_SHOWN = 20
TIMES = {"for", "keep_firing_for", "group_wait", "group_interval", "repeat_intervals"}
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_TIME = re.compile(r"(?:\d{1,9}[smhdw]\s*)+")
_INT = re.compile(r"[-+]?\d{1,18}")
_FLOAT = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,3})?")
_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}


class Broken(ValueError):
    """What is wrong with a file: lines and reasons. Nothing of it was taken."""

    def __init__(self, faults: list[tuple[int, str]]) -> None:
        self.faults = sorted(faults)[:MOST_SHOWN]
        super().__init__("; ".join(self.said()))

    def said(self, name: str = "rules.yaml") -> list[str]:
        return [f"{name}, line {line}: {reason}" for line, reason in self.faults]


@dataclass
class Entry:
    """One rule as it stands in the file, and where its fields stand."""

    line: int
    fields: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return str(self.fields.get("name", ""))


def read(text: str) -> list[Entry]:
    """The rules of a file in their order; what cannot be read is said by line."""
    if len(text.encode("utf-8", "replace")) > LARGEST:
        raise Broken([(1, f"The file is larger than {LARGEST >> 20} MiB.")])
    try:
        whole = _Reader(text).document()
    except yaml.YAMLError as fault:
        raise Broken([(_line(fault), _reason(fault))]) from fault
    return _entries(whole)


@dataclass
class _Node:
    """A value, its line, and of a mapping where its keys stand."""

    value: Any
    line: int
    keys: dict[str, int] = field(default_factory=dict)

    def plain(self) -> Any:
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        return [node.plain() for node in self.value] if isinstance(self.value, list) else self.value


class _Reader:
    """From YAML's events to values, without anything that a file could make grow: no aliases, no depth."""

    def __init__(self, text: str) -> None:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        self.events: Iterator[Any] = yaml.parse(text, Loader=loader)

    def document(self) -> _Node:
        kinds = (yaml.StreamStartEvent, yaml.DocumentStartEvent)
        event = next(one for one in self.events if not isinstance(one, kinds))
        if isinstance(event, yaml.StreamEndEvent):
            return _Node(None, 1)
        node = self.node(event, 0)
        for more in self.events:
            if isinstance(more, yaml.DocumentStartEvent):
                raise Broken([(_at(more), "One document only: take the --- out.")])
        return node

    def node(self, event: Any, depth: int) -> _Node:
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise Broken([(_at(event), "Anchors (&) and aliases (*) are not used here: write it out.")])
        if getattr(event, "tag", None):
            raise Broken([(_at(event), "Tags (!) are not used here: put a word that begins with ! in quotes.")])
        if depth > DEEPEST:
            raise Broken([(_at(event), "Too deeply nested for a rule.")])
        if isinstance(event, yaml.ScalarEvent):
            return _Node(_scalar(event), _at(event))
        return self.mapping(event, depth) if isinstance(event, yaml.MappingStartEvent) else self.listed(event, depth)

    def mapping(self, start: Any, depth: int) -> _Node:
        node = _Node({}, _at(start))
        for event in self.events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            if not isinstance(event, yaml.ScalarEvent):
                raise Broken([(_at(event), "A name is missing before the colon.")])
            if event.value in node.value:
                raise Broken(
                    [(_at(event), f"{event.value} stands twice here, first in line {node.keys[event.value]}.")]
                )
            node.keys[event.value] = _at(event)
            node.value[event.value] = self.node(next(self.events), depth + 1)
        return node

    def listed(self, start: Any, depth: int) -> _Node:
        node = _Node([], _at(start))
        for event in self.events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            node.value.append(self.node(event, depth + 1))
        return node


def _scalar(event: Any) -> Any:
    """Numbers, true, false and nothing as such; all else is text, also what other readers take for a date."""
    text = str(event.value)
    if event.style in {"'", '"', "|", ">"}:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


def _entries(whole: _Node) -> list[Entry]:
    if not isinstance(whole.value, dict) or "rules" not in whole.value:
        raise Broken([(whole.line, "Begin with rules: and a list of rules, each with a - before its name.")])
    faults = [(line, f"{key} is not known here: write rules.") for key, line in whole.keys.items() if key != "rules"]
    rules = whole.value["rules"]
    listed = [] if rules.value is None else rules.value
    if not isinstance(listed, list):
        raise Broken([(rules.line, "rules is a list: begin each rule with a -.")])
    if len(listed) > MOST_RULES:
        raise Broken([(rules.line, f"At most {MOST_RULES} rules in one file.")])
    entries: dict[str, Entry] = {}
    for node in listed:
        if not isinstance(node.value, dict) or not isinstance(node.value.get("name", _Node(None, 0)).value, str):
            faults.append((node.line, "A rule is a mapping that begins with name: and a text."))
            continue
        entry = _entry(node, faults)
        if entry.name in entries:
            faults.append(
                (node.line, f"The name {entry.name} stands twice, first in line {entries[entry.name].line}.")
            )
        entries.setdefault(entry.name, entry)
    if faults:
        raise Broken(faults)
    return list(entries.values())


def _entry(node: _Node, faults: list[tuple[int, str]]) -> Entry:
    fields = node.plain()
    for name in TIMES & fields.keys():
        try:
            fields[name] = _times(fields[name])
        except ValueError as fault:
            faults.append((node.keys[name], f"{name}: {fault}"))
    return Entry(node.line, fields, node.keys)


def _times(value: Any) -> Any:
    """Seconds of `90`, `90s`, `1m 30s` or a list of such."""
    if isinstance(value, list):
        return [_times(one) for one in value]
    if not isinstance(value, str):
        return value
    text = value.strip()
    if not _TIME.fullmatch(text):
        raise ValueError(f"{text[:20]!r} is no time: write seconds, or such as 90s, 5m, 1h 30m, 1d, 1w.")
    return sum(int(count) * UNITS[unit] for count, unit in re.findall(r"(\d+)([smhdw])", text))


def _at(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _line(fault: yaml.YAMLError) -> int:
    mark = getattr(fault, "problem_mark", None) or getattr(fault, "context_mark", None)
    return mark.line + 1 if mark else 1


def _reason(fault: yaml.YAMLError) -> str:
    problem = getattr(fault, "problem", None) or getattr(fault, "reason", None) or "it cannot be read"
    return f"This is not YAML: {problem}."
