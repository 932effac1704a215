"""Puts the parts together: settings, addresses, processes and the one-command start."""
