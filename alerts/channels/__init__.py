"""Ways to tell people; each kind is one module and one registration."""

from __future__ import annotations

from alerts.channels import email, webhook

__all__ = ["email", "webhook"]
