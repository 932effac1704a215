"""`./watchkeeper manage translate`: bring the catalogues up to the sources and compile them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from core import catalogues


class Command(BaseCommand):
    help = "Write texts that are new into locale/*/LC_MESSAGES/django.po, drop old ones, and compile django.mo."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        root = Path(settings.ROOT)
        wanted = catalogues.found(root, settings.TRANSLATED)
        for path in sorted(Path(settings.LOCALE_PATHS[0]).glob("*/LC_MESSAGES/django.po")):
            texts = catalogues.merged(catalogues.read(path), wanted)
            catalogues.write(path, texts)
            path.with_suffix(".mo").write_bytes(catalogues.compiled(texts))
            missing = [text.id for text in texts.values() if not text.done]
            self.stdout.write(f"{path.relative_to(root)}: {len(texts) - 1} texts, {len(missing)} to translate")
            for text in missing:
                self.stdout.write(f"  {text}")
