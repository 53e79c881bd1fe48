"""Drafts: what is written on a personal page, saved piece by piece until it is sent or its visit ends."""

from alembic import op

revision = "0004"
down_revision = "0003"

TABLES = """
CREATE TABLE draft (
  id uuid PRIMARY KEY,
  link_id uuid NOT NULL REFERENCES link (id),
  session_sha256 text NOT NULL REFERENCES link_session (session_sha256),
  kind text NOT NULL CHECK (kind IN ('incident', 'call', 'answers')),
  began_at timestamptz NOT NULL,
  changed_at timestamptz NOT NULL,
  answers json NOT NULL,
  saved json NOT NULL,
  ended_at timestamptz,
  finished boolean,
  acquisition_id uuid REFERENCES acquisition (id),
  receipt_sha256 text UNIQUE,
  CHECK ((ended_at IS NULL) = (finished IS NULL)),
  CHECK (ended_at IS NOT NULL OR acquisition_id IS NULL)
);
CREATE INDEX ix_draft_link_id ON draft (link_id);
CREATE INDEX draft_open ON draft (changed_at) WHERE ended_at IS NULL;
-- A photo names the entry it belongs to before that entry is sent; its id is known from the first.
ALTER TABLE acquisition DROP CONSTRAINT acquisition_parent_id_fkey;
ALTER TABLE upload ADD COLUMN parent_id uuid;
GRANT SELECT, INSERT, UPDATE ON draft TO holdfast_app;
GRANT SELECT ON draft TO holdfast_disposal;
"""


def upgrade() -> None:
    """Make the table."""
    op.execute(TABLES)
