"""Pages about the product itself: the first steps, its settings, its own health."""
