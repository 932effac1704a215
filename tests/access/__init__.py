"""Who may see and do what: every address and topic for every sort of person, and the flows around it."""
