"""When things run out, what would be if, and which servers do not fit their work."""
