"""Faults: what hostile or broken clients do to us."""
