"""The tables of alerts: what is watched for, who is told how, and what came of it."""

from __future__ import annotations

from alerts.models.channels import Channel
from alerts.models.people import Chain, Override, Preference, Rotation, Schedule, Way
from alerts.models.records import Alert, Delivery, Incident, Notice, Step
from alerts.models.rules import KINDS, SEVERITIES, Rule, Silence
from alerts.models.seen import veiled

__all__ = [
    "KINDS", "SEVERITIES", "Alert", "Chain", "Channel", "Delivery", "Incident", "Notice", "Override", "Preference",
    "Rotation", "Rule", "Schedule", "Silence", "Step", "Way", "veiled",
]  # fmt: skip
