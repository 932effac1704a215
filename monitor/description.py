"""The description of the API, made once in each language: that takes seconds of a processor."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.conf import settings
from django.utils import translation
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import SpectacularJSONAPIView

from monitor import health

UNTYPED: Any = SchemaGenerator


class Kept(SchemaGenerator):
    """The same for everybody who may read it."""

    def get_schema(self, request: Any = None, public: bool = False) -> Any:
        language = translation.get_language() or "en"
        return made(language if language in dict(settings.LANGUAGES) else "en")


@lru_cache(maxsize=len(settings.LANGUAGES))
def made(language: str) -> Any:
    with translation.override(language):
        return UNTYPED().get_schema(request=None, public=True)


class DescriptionView(SpectacularJSONAPIView):
    permission_classes = (health.SignedIn,)
    generator_class = Kept
