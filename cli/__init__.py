"""The `holdfast` command: composition roots for every process and every act a person starts by hand.

Each command reads its settings once, builds what it needs (`cli.composition`) and calls one room.
"""

from cli.main import main

__all__ = ["main"]
