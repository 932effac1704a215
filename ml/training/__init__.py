"""Learning: what is due and when, from which rows, in a child process of its own, and what becomes of it."""

from __future__ import annotations
