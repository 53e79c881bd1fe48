"""Several mailboxes, and the aliases by which mail finds its case."""

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Nothing yet."""
