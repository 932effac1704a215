"""The demo fleet as people meet it: marked, and removed by one click."""
