"""Managers called by the type of their questions."""

from __future__ import annotations

from typing import Any, TypeVar, cast

from django.db.models import QuerySet

Q = TypeVar("Q", bound=QuerySet[Any])


def managed(questions: type[Q]) -> Q:
    """A manager answers all that its questions do, and is typed as they are."""
    return cast("Q", questions.as_manager())
