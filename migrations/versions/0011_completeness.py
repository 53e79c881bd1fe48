"""Completeness: daily statements, and what became of each answer we sent."""

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Nothing yet."""
