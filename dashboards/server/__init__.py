"""What the page of one server asks for beside its numbers."""
