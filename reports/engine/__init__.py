"""Judgement about time: what was up, down, planned or unknown. Pure: no database, no clock."""
