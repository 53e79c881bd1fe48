"""The doors, and the tolerant reading of what came in through them."""
