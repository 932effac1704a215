"""The launcher: sets up the environment and hands over to it, with the standard library alone."""
