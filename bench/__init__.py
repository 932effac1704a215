"""Benchmarks that drive the shipped process and print their figures; `./watchkeeper bench NAME` runs one."""
