"""Template tags of the interface."""
