"""The embedded parts: started, stopped, killed, and each used as Holdfast uses it."""
