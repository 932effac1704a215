"""Watchkeeper as an installed app: its manifest, its one worker, and what it shows without a line."""
