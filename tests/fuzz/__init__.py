"""Inputs made by a fuzzer, for every reader of outside data: `make fuzz SECONDS=…`, and a short run in the suite."""
