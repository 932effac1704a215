"""Keep and answer numbers."""
