"""Alerts over the API, by subject."""

from __future__ import annotations

from alerts.api.acknowledge import AcknowledgeView
from alerts.api.chains import ChainViewSet
from alerts.api.channels import ChannelViewSet
from alerts.api.deliveries import DeliveryViewSet
from alerts.api.incidents import IncidentViewSet
from alerts.api.notices import NoticeViewSet
from alerts.api.people import PersonViewSet, PreferenceView, WayViewSet
from alerts.api.push import PushKeyView, PushSubscriptionsView
from alerts.api.rulefile import RuleFileView
from alerts.api.rules import RuleViewSet
from alerts.api.schedules import ScheduleViewSet
from alerts.api.silences import SilenceViewSet

__all__ = [
    "AcknowledgeView", "ChainViewSet", "ChannelViewSet", "DeliveryViewSet", "IncidentViewSet", "NoticeViewSet",
    "PersonViewSet", "PreferenceView", "PushKeyView", "PushSubscriptionsView", "RuleFileView", "RuleViewSet",
    "ScheduleViewSet", "SilenceViewSet", "WayViewSet",
]  # fmt: skip
