"""A fleet that is not there: simulated servers with history and faults, fed through the real door."""
