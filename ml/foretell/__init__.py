"""What is said of the future of every server, hour by hour: read, judged, kept, and told as series."""
