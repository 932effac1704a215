"""What managers download."""
