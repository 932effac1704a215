"""Commands of no app."""
