"""Completeness: daily statements, what became of each text of ours, pictures that wait, and copies at the provider.

Statements and what was done with copies stand in the ledger, too; these rows are made from it again.
"""

from alembic import op

revision = "0011"
down_revision = "0010"

TABLES = """
CREATE TABLE completeness (
  entry_id bigint PRIMARY KEY,
  source text NOT NULL,
  stated_at timestamptz NOT NULL,
  facts json NOT NULL
);
CREATE INDEX completeness_by_source ON completeness (source, stated_at);
CREATE TABLE delivery_report (
  message_sid text NOT NULL,
  status text NOT NULL,
  error_code integer,
  told_at timestamptz NOT NULL,
  PRIMARY KEY (message_sid, status)
);
CREATE TABLE media_due (
  source_id text PRIMARY KEY,
  acquisition_id uuid NOT NULL REFERENCES acquisition (id),
  tries integer NOT NULL,
  because text NOT NULL,
  next_at timestamptz NOT NULL,
  parked_at timestamptz
);
CREATE INDEX media_due_of_text ON media_due (acquisition_id);
CREATE TABLE provider_copy (
  acquisition_id uuid PRIMARY KEY REFERENCES acquisition (id),
  act text NOT NULL CHECK (act IN ('redacted', 'deleted')),
  done_at timestamptz NOT NULL
);
CREATE INDEX reply_by_provider_id ON reply (provider_id) WHERE provider_id IS NOT NULL;
CREATE INDEX link_sending_by_provider_id ON link_sending (provider_id) WHERE provider_id IS NOT NULL;
"""

# What was refused so far stood in marks, as [source id, reason] pairs by text.
REFUSED = """
INSERT INTO media_due (source_id, acquisition_id, tries, because, next_at, parked_at)
SELECT pair ->> 0, acquisition.id, 1, pair ->> 1, mark.at, mark.at
FROM mark
JOIN acquisition ON mark.name = 'media.refused:' || acquisition.id
CROSS JOIN LATERAL json_array_elements(mark.value) AS pair
ON CONFLICT DO NOTHING;
DELETE FROM mark WHERE name LIKE 'media.refused:%';
"""

GRANTS = """
GRANT SELECT, INSERT ON completeness, provider_copy TO holdfast_app;
GRANT SELECT, INSERT ON delivery_report TO holdfast_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON media_due TO holdfast_app;
"""


def upgrade() -> None:
    """Make the tables, take over what was refused, and grant."""
    op.execute(TABLES)
    op.execute(REFUSED)
    op.execute(GRANTS)
