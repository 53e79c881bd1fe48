"""Exports that came by mail or by a link: which are to be taken apart, and what became of it."""

from alembic import op

revision = "0013"
down_revision = "0012"

TABLES = """
CREATE TABLE unpacking (
  exhibit_id uuid PRIMARY KEY REFERENCES exhibit (id),
  asked_at timestamptz NOT NULL,
  state text NOT NULL CHECK (state IN ('waiting', 'whole', 'partly', 'nothing', 'failed')),
  tries integer NOT NULL,
  next_at timestamptz NOT NULL,
  passed integer NOT NULL,
  exhibits integer NOT NULL,
  holds text,
  taken json NOT NULL,
  parked json NOT NULL,
  because text,
  finished_at timestamptz,
  CHECK ((state = 'waiting') = (finished_at IS NULL))
);
CREATE INDEX unpacking_waits ON unpacking (next_at) WHERE state = 'waiting';
"""

GRANTS = """
GRANT SELECT, INSERT, UPDATE ON unpacking TO holdfast_app;
GRANT SELECT, DELETE ON unpacking TO holdfast_disposal;
"""

# What came before exports were taken apart; each is looked into as a fresh one is.
EARLIER = r"""
INSERT INTO unpacking (exhibit_id, asked_at, state, tries, next_at, passed, exhibits, taken, parked)
SELECT exhibit.id, now(), 'waiting', 0, now(), 0, 0, '{}', '{}'
FROM exhibit JOIN acquisition ON acquisition.id = exhibit.id
WHERE (acquisition.source_id LIKE 'upload:%' AND acquisition.parent_id IS NULL
       AND acquisition.door->>'filename' ~* '[.](mbox|mbx|txt|xml|zip)$')
   OR (acquisition.channel = 'email' AND EXISTS (
         SELECT 1 FROM reading, json_array_elements(reading.content->'attachments') AS part
         WHERE reading.exhibit_id = exhibit.id AND part->>'name' ~* '[.](mbox|mbx|txt|xml|zip)$'));
"""


def upgrade() -> None:
    """Make the table and its grants; ask for what is there."""
    op.execute(TABLES)
    op.execute(GRANTS)
    op.execute(EARLIER)
