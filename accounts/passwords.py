"""What is wrong with a password that somebody chose, in our words."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.password_validation import UserAttributeSimilarityValidator
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _


class NotOnesName(UserAttributeSimilarityValidator):
    """Not the own name or address."""

    def validate(self, password: str, user: Any = None) -> None:
        try:
            super().validate(password, user)
        except ValidationError as found:
            said = _("This password is too much like your name or address. Choose another.")
            raise ValidationError(said, code="password_too_similar") from found
