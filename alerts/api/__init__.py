"""Alerts over the API, by subject."""

from __future__ import annotations

from alerts.api.channels import ChannelViewSet
from alerts.api.incidents import IncidentViewSet, NoticeViewSet
from alerts.api.rules import RuleViewSet

__all__ = ["ChannelViewSet", "IncidentViewSet", "NoticeViewSet", "RuleViewSet"]
