"""Template tags of pages about people."""
