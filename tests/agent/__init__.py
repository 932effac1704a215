"""Tests of the agent, which is a program of its own beside the house."""

from __future__ import annotations
