"""The demonstration: its story as data, and the command end to end."""
