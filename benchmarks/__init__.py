"""Benchmarks: every figure is a ratio against a baseline measured in the same run, since times differ from machine to
machine and hour to hour. `make bench` runs all; `python -m benchmarks webhook` one. Method: docs/benchmarks.md.
"""
