"""How times are written where Django's own way for a language is not the product's."""

from __future__ import annotations
