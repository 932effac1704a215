"""Show, live."""
