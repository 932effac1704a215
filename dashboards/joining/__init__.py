"""Adding a server: the line to paste, the wait for its first report, and why it does not come."""
