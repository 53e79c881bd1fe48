"""Authenticity at receipt: what each signature said, with the DNS answers it was judged by; and what DNS still owes."""

from alembic import op

revision = "0009"
down_revision = "0008"

TABLES = """
CREATE TABLE authenticity (
  id uuid PRIMARY KEY,
  exhibit_id uuid NOT NULL REFERENCES exhibit (id),
  judged_at timestamptz NOT NULL,
  version integer NOT NULL,
  state text NOT NULL CHECK (state IN ('final', 'temporary')),
  asked_by text,
  summary json NOT NULL,
  content bytea NOT NULL,
  sha256 text NOT NULL
);
CREATE INDEX authenticity_of ON authenticity (exhibit_id, judged_at DESC);
CREATE TABLE authenticity_due (
  exhibit_id uuid PRIMARY KEY REFERENCES exhibit (id),
  since timestamptz NOT NULL,
  tries integer NOT NULL,
  next_at timestamptz NOT NULL,
  asked_by text
);
CREATE INDEX authenticity_due_next ON authenticity_due (next_at);
"""

# What was found out is never changed: a later finding is a further row.
GRANTS = """
GRANT SELECT, INSERT ON authenticity TO holdfast_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON authenticity_due TO holdfast_app;
GRANT SELECT, DELETE ON authenticity, authenticity_due TO holdfast_disposal;
"""


def upgrade() -> None:
    """Make the tables and grants."""
    op.execute(TABLES)
    op.execute(GRANTS)
