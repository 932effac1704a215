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
        told = "write nothing; fail where a text is missing, old or not compiled"
        parser.add_argument("--check", action="store_true", help=told)

    def handle(self, *args: Any, **options: Any) -> None:
        root = Path(settings.ROOT)
        wanted = catalogues.found(root, settings.TRANSLATED)
        wrong = False
        for path in sorted(Path(settings.LOCALE_PATHS[0]).glob("*/LC_MESSAGES/django.po")):
            before = catalogues.read(path)
            texts = catalogues.merged(before, wanted)
            missing = [text.id for text in texts.values() if not text.done]
            binary, compiled = path.with_suffix(".mo"), catalogues.compiled(texts)
            wrong = wrong or bool(missing) or before.keys() != texts.keys()
            if options["check"]:
                wrong = wrong or not binary.exists() or binary.read_bytes() != compiled
            else:
                catalogues.write(path, texts)
                binary.write_bytes(compiled)
            self.stdout.write(f"{path.relative_to(root)}: {len(texts) - 1} texts, {len(missing)} to translate")
            for text in missing:
                self.stdout.write(f"  {text}")
        if wrong and options["check"]:
            raise CommandError(
                "Texts are missing, old or not compiled: run ./watchkeeper manage translate, which lists them."
            )
