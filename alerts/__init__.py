"""Decide, remember and tell."""
