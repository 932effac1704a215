"""Values of headers that prove who asks: kept sealed, shown to nobody, put back in when the check runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from core import sealed

KEPT = "(kept)"
_MARKS = ("auth", "cookie", "token", "secret", "key", "pass", "session", "signature", "credential")


def secret(name: str) -> bool:
    return any(mark in name.lower() for mark in _MARKS)


def split(config: Mapping[str, Any], before: str) -> tuple[dict[str, Any], str]:
    """The config as it is shown, and what is sealed of it; what was kept before may be named as kept."""
    headers = config.get("headers")
    if not isinstance(headers, dict):
        return dict(config), ""
    old = sealed.open_(before)
    hidden = {name: old.get(name, "") if value == KEPT else value for name, value in headers.items() if secret(name)}
    shown = {name: KEPT if name in hidden else value for name, value in headers.items()}
    return {**config, "headers": shown}, sealed.seal(hidden) if hidden else ""


def whole(config: Mapping[str, Any], text: str) -> dict[str, Any]:
    """The config as it is sent."""
    if not text:
        return dict(config)
    kept = sealed.open_(text)
    headers = config.get("headers", {})
    sent = {name: kept.get(name, "") if value == KEPT else value for name, value in headers.items()}
    return {**config, "headers": sent}


def written(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config without what is only named as kept, which was judged when it was written."""
    headers = config.get("headers")
    if not isinstance(headers, dict):
        return dict(config)
    return {**config, "headers": {name: value for name, value in headers.items() if value != KEPT}}


def strays(config: Mapping[str, Any], before: str, after: str) -> bool:
    """Whether what was kept for one place would be sent to another, where whoever changes it could read it."""
    headers = config.get("headers")
    return isinstance(headers, dict) and KEPT in headers.values() and origin(before) != origin(after)


def origin(target: str) -> tuple[str, str, int | None]:
    parts = urlsplit(target)
    return parts.scheme.lower(), (parts.hostname or "").rstrip("."), parts.port


def plain(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config without what was sealed of it."""
    headers = config.get("headers")
    if not isinstance(headers, dict):
        return dict(config)
    return {**config, "headers": {name: value for name, value in headers.items() if not secret(name)}}
