"""What a sentence is about: one rule on one series of one server, from an alert or from what a notice remembers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from alerts.messages.plain import word
from alerts.models import Alert


@dataclass(frozen=True)
class Said:
    server: str
    rule: str
    kind: str = "threshold"
    metric: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    op: str = "above"
    params: Mapping[str, Any] = field(default_factory=dict)
    value: float | None = None
    limit: float | None = None
    severity: str = "warn"
    lasted: float | None = None
    left: float | None = None
    """Seconds until it is full, at the pace of the last hours."""
    check: bool = False
    """Its server stands for a check."""

    @classmethod
    def of(cls, alert: Alert, value: float | None = None, limit: float | None = None, **more: Any) -> Self:
        rule = alert.rule
        return cls(
            server=word(alert.server.name),
            rule=word(rule.name),
            kind=rule.kind,
            metric=alert.series.metric,
            labels=_words(alert.labels),
            op=rule.op,
            params=rule.params,
            value=alert.value if value is None else value,
            limit=alert.limit if limit is None else limit,
            check=bool(alert.server.stands_for),
            **{"severity": alert.severity, **more},
        )

    def kept(self) -> dict[str, Any]:
        """To be remembered by its row, with the rule as it is now."""
        return {
            "server": self.server, "rule": self.rule, "kind": self.kind, "metric": self.metric,
            "labels": dict(self.labels), "op": self.op, "params": dict(self.params), "value": self.value,
            "limit": self.limit, "severity": self.severity, **({"check": True} if self.check else {}),
        }  # fmt: skip

    @classmethod
    def remembered(cls, entry: Any) -> Self:
        """An entry of a bundle's facts: a whole one, or just the server's name."""
        if not isinstance(entry, Mapping):
            return cls(server=word(entry), rule="")
        server = entry.get("server", "")
        return cls(
            server=word(server.get("name", "") if isinstance(server, Mapping) else server),
            rule=word(entry.get("rule", "")),
            kind=entry.get("kind", "threshold"),
            metric=entry.get("metric", ""),
            labels=_words(entry.get("labels") or {}),
            op=entry.get("op", "above"),
            params=entry.get("params") or {},
            value=entry.get("value"),
            limit=entry.get("limit"),
            severity=entry.get("severity", "warn"),
            left=entry.get("left"),
            check=bool(entry.get("check")),
        )


def _words(labels: Mapping[str, str]) -> dict[str, str]:
    return {word(key): word(value) for key, value in labels.items()}
