"""Getting in: passwords, second factors, invitations, and a provider outside."""

from __future__ import annotations
