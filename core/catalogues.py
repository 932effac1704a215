"""Catalogues of translations: texts found in sources, .po files read and written, .mo files compiled."""

from __future__ import annotations

import ast
import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from django.utils.translation.template import templatize

CONTEXT, PLURAL = "\x04", "\x00"
# Name of the function: whether its first text is a context, whether it has a plural.
MARKS = {
    "_": (False, False), "gettext": (False, False), "ngettext": (False, True), "pgettext": (True, False),
    "npgettext": (True, True), "gettext_noop": (False, False),
}  # fmt: skip
CALL = re.compile(r"(n?p?gettext|_)\(((?:\s*u?(?:\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*')\s*,?)+)", re.DOTALL)


@dataclass
class Text:
    """One text to translate, and its translations: one, or one for each plural form."""

    id: str
    context: str = ""
    plural: str = ""
    said: list[str] = field(default_factory=list)
    fuzzy: bool = False
    places: set[str] = field(default_factory=set)

    @property
    def key(self) -> str:
        return f"{self.context}{CONTEXT}{self.id}" if self.context else self.id

    @property
    def done(self) -> bool:
        return bool(self.said) and all(self.said) and not self.fuzzy


Texts = dict[str, Text]


def found(root: Path, sources: Iterable[str]) -> Texts:
    """Every text that the sources (folders and files below the root) want translated."""
    texts: Texts = {}
    for path in sorted(_files(root, sources)):
        calls = _python(path) if path.suffix == ".py" else _template(path)
        for name, args in calls:
            text = _text(name, args)
            if text is not None:
                texts.setdefault(text.key, text).places.add(str(path.relative_to(root)))
    return texts


def _files(root: Path, sources: Iterable[str]) -> Iterator[Path]:
    for source in sources:
        path = root / source
        yield from [path] if path.is_file() else (p for p in path.rglob("*") if p.suffix in {".py", ".html", ".txt"})


def _python(path: Path) -> Iterator[tuple[str, list[str]]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            texts = [one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
            yield called.removesuffix("_lazy"), texts


def _template(path: Path) -> Iterator[tuple[str, list[str]]]:
    for name, args in CALL.findall(templatize(path.read_text())):
        yield name, [str(one) for one in ast.literal_eval(f"({args.rstrip().rstrip(',')},)")]


def _text(name: str, args: list[str]) -> Text | None:
    if name not in MARKS or not args:
        return None
    with_context, with_plural = MARKS[name]
    context = args.pop(0) if with_context else ""
    return Text(args[0], context, args[1] if with_plural else "")


def read(path: Path) -> Texts:
    """The texts of a .po file, its header under the empty id."""
    texts: Texts = {}
    for block in re.split(r"\n\s*\n", path.read_text()):
        text = _block(block)
        if text is not None:
            texts[text.key] = text
    return texts


def _block(block: str) -> Text | None:
    fields: dict[str, str] = {}
    name, fuzzy = "", False
    for line in block.splitlines():
        if line.startswith("#"):
            fuzzy = fuzzy or (line.startswith("#,") and "fuzzy" in line)
        elif line.startswith('"'):
            fields[name] += ast.literal_eval(line)
        elif line:
            name, _, value = line.partition(" ")
            fields[name] = ast.literal_eval(value)
    if "msgid" not in fields:
        return None
    said = [fields[key] for key in sorted(fields) if key.startswith("msgstr")]
    return Text(fields["msgid"], fields.get("msgctxt", ""), fields.get("msgid_plural", ""), said, fuzzy)


def write(path: Path, texts: Texts) -> None:
    header = texts.get("", Text("", said=[""]))
    ordered = sorted(
        (text for text in texts.values() if text.id), key=lambda one: (min(one.places, default=""), one.key)
    )
    path.write_text("\n".join(_written(text) for text in [header, *ordered]))


def _written(text: Text) -> str:
    lines = [f"#: {place}" for place in sorted(text.places)]
    lines += ["#, fuzzy"] if text.fuzzy else []
    lines += [f"msgctxt {_quoted(text.context)}"] if text.context else []
    lines.append(f"msgid {_quoted(text.id)}")
    if text.plural:
        lines.append(f"msgid_plural {_quoted(text.plural)}")
        lines += [f"msgstr[{place}] {_quoted(said)}" for place, said in enumerate(text.said or ["", ""])]
    else:
        lines.append(f"msgstr {_quoted(text.said[0] if text.said else '')}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t")
    parts = escaped.split("\n")
    if len(parts) == 1:
        return f'"{escaped}"'
    lines = [f'"{part}\\n"' for part in parts[:-1]] + ([f'"{parts[-1]}"'] if parts[-1] else [])
    return '""\n' + "\n".join(lines)


def merged(old: Texts, wanted: Texts) -> Texts:
    """What is wanted, with the translations there are; what nobody asks for any more goes."""
    texts = {"": old.get("", Text("", said=[""]))}
    for key, text in wanted.items():
        known = old.get(key)
        said = known.said if known is not None and bool(known.plural) == bool(text.plural) else []
        texts[key] = Text(text.id, text.context, text.plural, said, bool(known and known.fuzzy), text.places)
    return texts


def compiled(texts: Texts) -> bytes:
    """A .mo file: sorted originals and translations behind two tables of lengths and places."""
    pairs = sorted(
        ((f"{text.key}{PLURAL}{text.plural}" if text.plural else text.key).encode(), PLURAL.join(text.said).encode())
        for text in texts.values()
        if text.done
    )
    count, begin = len(pairs), 28
    at = begin + 16 * count
    tables: list[list[tuple[int, int]]] = [[], []]
    data = b""
    for side in (0, 1):
        for pair in pairs:
            tables[side].append((len(pair[side]), at + len(data)))
            data += pair[side] + b"\0"
    head = struct.pack("<7I", 0x950412DE, 0, count, begin, begin + 8 * count, 0, at)
    return head + b"".join(struct.pack("<2I", *one) for table in tables for one in table) + data
