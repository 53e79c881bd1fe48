"""Indexes of texts that have media, and of parts: the sweep asks for both every few seconds, of however many texts."""

from alembic import op

revision = "0014"
down_revision = "0013"

# As `intake.media` asks for them, word by word: an index is taken only where the question implies its condition.
INDEXES = """
CREATE INDEX acquisition_with_media ON acquisition (received_at)
  WHERE coalesce(door ->> 'media', '[]') <> '[]' OR coalesce(door ->> 'stated_media', '0') <> '0';
CREATE INDEX acquisition_parts ON acquisition (parent_id) WHERE parent_id IS NOT NULL;
"""


def upgrade() -> None:
    """Make the indexes."""
    op.execute(INDEXES)
