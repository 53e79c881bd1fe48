"""Authenticity at receipt: what each signature said, with the DNS answers it was judged by."""

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Nothing yet."""
