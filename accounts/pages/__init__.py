"""Pages about people: one's own profile, tokens and sessions, teams, the trail, and all accounts."""

from __future__ import annotations
