"""`./watchkeeper manage translate`: bring the catalogues up to the sources and compile them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from core import catalogues


class Command(BaseCommand):
    help = "Write texts that are new into locale/*/LC_MESSAGES/django.po, drop old ones, and compile django.mo."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="write nothing; fail where a text is missing or old")

    def handle(self, *args: Any, **options: Any) -> None:
        root = Path(settings.ROOT)
        wanted = catalogues.found(root, settings.TRANSLATED)
        wrong = False
        for path in sorted(Path(settings.LOCALE_PATHS[0]).glob("*/LC_MESSAGES/django.po")):
            before = catalogues.read(path)
            texts = catalogues.merged(before, wanted)
            missing = [text.id for text in texts.values() if not text.done]
            wrong = wrong or bool(missing) or before.keys() != texts.keys()
            if not options["check"]:
                catalogues.write(path, texts)
                path.with_suffix(".mo").write_bytes(catalogues.compiled(texts))
            self.stdout.write(f"{path.relative_to(root)}: {len(texts) - 1} texts, {len(missing)} to translate")
            for text in missing:
                self.stdout.write(f"  {text}")
        if wrong and options["check"]:
            raise CommandError("Texts are missing or old: ./watchkeeper manage translate lists what to translate.")
