"""Questions to contributors, and the words they agreed."""

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Nothing yet."""
