"""Ways to tell people; each kind is one module and one registration."""

from __future__ import annotations

from alerts.channels import apprise, email, push, slack, sms, teams, webhook

__all__ = ["apprise", "email", "push", "slack", "sms", "teams", "webhook"]
