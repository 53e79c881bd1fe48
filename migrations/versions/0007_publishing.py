"""Publishing the ledger to the vault, audits.

What is published is written once; a lock may be extended. An audit keeps how far it came, so that one that was stopped
goes on, and every fault it found.
"""

from alembic import op

revision = "0007"
down_revision = "0006"

TABLES = """
CREATE TABLE published (
  name text PRIMARY KEY,
  vault_key text NOT NULL UNIQUE,
  vault_version text NOT NULL,
  sha256 text NOT NULL CHECK (length(sha256) = 64),
  stream text,
  at timestamptz NOT NULL,
  retain_until timestamptz NOT NULL
);
CREATE INDEX published_stream ON published (stream) WHERE stream IS NOT NULL;
CREATE TABLE audit_run (
  id uuid PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('whole', 'sample', 'since')),
  since timestamptz,
  part text,
  actor text NOT NULL,
  started_at timestamptz NOT NULL,
  went_on_at timestamptz NOT NULL,
  finished_at timestamptz,
  step text NOT NULL,
  cursor text NOT NULL,
  looked_at json NOT NULL
);
CREATE TABLE audit_fault (
  run_id uuid NOT NULL REFERENCES audit_run (id),
  kind text NOT NULL,
  place text NOT NULL,
  says text NOT NULL,
  found_at timestamptz NOT NULL,
  PRIMARY KEY (run_id, kind, place)
);
"""

GRANTS = """
GRANT SELECT, INSERT, UPDATE ON published, audit_run TO holdfast_app;
GRANT SELECT, INSERT ON audit_fault TO holdfast_app;
GRANT SELECT, DELETE ON published TO holdfast_disposal;
"""


def upgrade() -> None:
    """Make the marks of what is published, and what audits keep."""
    op.execute(TABLES)
    op.execute(GRANTS)
