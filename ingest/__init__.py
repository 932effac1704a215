"""The only door in: take what is pushed, check it, store it."""
