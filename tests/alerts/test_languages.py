"""The catalogues: nothing missing, nothing stale, and what is compiled is what is written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import translation

from alerts.messages.advice import BY_METRIC
from core import catalogues
from metrics.described import SERIES
from metrics.titles import LABELS, NAMES

CATALOGUES = sorted(Path(settings.LOCALE_PATHS[0]).glob("*/LC_MESSAGES/django.po"))
NAMED = re.compile(r"%\(\w+\)[sd]")
FILLED = re.compile(r"%\(\w+\)[sd]|\{\w+\}")


def language(path: Path) -> str:
    return path.parts[-3]


def test_there_is_a_catalogue_for_every_language_but_the_sources_own() -> None:
    wanted = {translation.to_locale(code) for code, _ in settings.LANGUAGES} - {"en"}
    assert {language(path) for path in CATALOGUES} == wanted


@pytest.mark.parametrize("path", CATALOGUES, ids=language)
def test_nothing_is_missing_or_fuzzy_or_left_over(path: Path) -> None:
    """Run `./watchkeeper manage translate`, and translate what it lists."""
    wanted = catalogues.found(Path(settings.ROOT), settings.TRANSLATED)
    texts = catalogues.read(path)
    assert texts.keys() - {""} == wanted.keys()
    assert [text.key for text in texts.values() if not text.done] == []


@pytest.mark.parametrize("path", CATALOGUES, ids=language)
def test_what_is_compiled_is_what_is_written(path: Path) -> None:
    written = path.with_suffix(".mo").read_bytes() == catalogues.compiled(catalogues.read(path))
    assert written, "run ./watchkeeper manage translate"  # a diff of two such files takes minutes to draw


@pytest.mark.parametrize("path", CATALOGUES, ids=language)
def test_every_translation_fills_in_what_the_text_does(path: Path) -> None:
    """A name that is misspelt there would only fail when the message is sent."""
    for text in catalogues.read(path).values():
        wanted = set(NAMED.findall(text.id + text.plural))
        for said in text.said if text.id else []:
            used = set(NAMED.findall(said))
            assert used <= wanted if text.plural else used == wanted, text.id  # "one entry" names no number
            if NAMED.search(text.id):  # a lone % would end the filling in
                assert said.replace("%%", "").count("%") == sum(1 for _ in NAMED.finditer(said)), text.id


@pytest.mark.parametrize("path", CATALOGUES, ids=language)
def test_a_translation_says_it_in_the_other_language(path: Path) -> None:
    for text in catalogues.read(path).values():
        words = re.findall(r"[A-Za-z]{2,}", FILLED.sub("", text.id))
        if len(words) > 2:  # a single word may be the same in both
            assert text.said[0] != text.id, text.id


def test_plural_forms_are_chosen_by_the_language() -> None:
    count = "%(count)d message"
    with translation.override("pt-br"):  # nought is singular there
        assert translation.ngettext(count, count + "s", 0) == "%(count)d mensagem"
    with translation.override("da"):
        assert translation.ngettext(count, count + "s", 0) == "%(count)d beskeder"


def test_every_series_has_a_name_and_what_is_good_or_bad_has_advice() -> None:
    assert SERIES.keys() <= NAMES.keys()
    assert {label for one in SERIES.values() for label in one.labels} <= LABELS.keys()
    limited = {name for name, one in SERIES.items() if one.warn is not None or one.critical is not None}
    assert limited - {"forecast_seconds_left"} <= BY_METRIC.keys()


def test_a_catalogue_survives_being_read_and_written(tmp_path: Path) -> None:
    texts = {
        "": catalogues.Text("", said=["Language: xx\nPlural-Forms: nplurals=2; plural=(n != 1);\n"]),
        'a "quoted" \\ text\nof two lines': catalogues.Text('a "quoted" \\ text\nof two lines', said=["æ\nø"]),
        "c\x04one": catalogues.Text("one", "c", "many", ["en", "flere"], places={"b.py"}),
        "left": catalogues.Text("left", said=["venstre"], fuzzy=True),
    }
    path = tmp_path / "django.po"
    catalogues.write(path, texts)
    read = catalogues.read(path)
    assert {key: (text.said, text.fuzzy) for key, text in read.items()} == {
        key: (text.said, text.fuzzy) for key, text in texts.items()
    }
    assert b"venstre" not in catalogues.compiled(read), "what is fuzzy is not said"


def test_texts_are_found_in_python_and_in_templates(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(
        "_('one' ' text')\nngettext('a', 'b', n)\npgettext_lazy('c', 'd')\ngettext(name)\n"
    )
    (tmp_path / "b.html").write_text(
        '{% load i18n %}{% translate "two" %}{% blocktranslate with x=y %}three {{ x }}{% endblocktranslate %}'
    )
    found = catalogues.found(tmp_path, ["a.py", "b.html"])
    assert found.keys() == {"one text", "a", "c\x04d", "two", "three %(x)s"}
    assert found["a"].plural == "b"
