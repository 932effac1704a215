"""The pages on which servers and invitations are managed."""
