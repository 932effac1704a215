"""The pages of checks: all of them, one with what it found, and the form that makes them."""
