"""What is watched and what we know of it."""
