"""Retention: holds, review dates, the end of a case, and disposals with the two people they need.

Only `holdfast_disposal` takes anything away. What it leaves is the ledger, the digests and a certificate.
"""

from alembic import op

revision = "0008"
down_revision = "0007"

TABLES = """
ALTER TABLE "case" ADD COLUMN review_by date;
ALTER TABLE exhibit ADD COLUMN held boolean NOT NULL DEFAULT false;
CREATE TABLE legal_hold (
  id uuid PRIMARY KEY,
  case_id uuid NOT NULL REFERENCES "case" (id),
  placed_at timestamptz NOT NULL,
  placed_by text NOT NULL,
  reason text NOT NULL,
  lifted_at timestamptz,
  lifted_by text,
  lifted_because text
);
CREATE UNIQUE INDEX legal_hold_one_at_a_time ON legal_hold (case_id) WHERE lifted_at IS NULL;
CREATE TABLE disposal (
  id uuid PRIMARY KEY,
  case_id uuid NOT NULL REFERENCES "case" (id),
  asked_at timestamptz NOT NULL,
  asked_by text NOT NULL,
  reason text NOT NULL,
  decided_at timestamptz,
  decided_by text,
  approved boolean,
  because text,
  done_at timestamptz,
  certificate_key text,
  certificate_version text,
  certificate_sha256 text,
  CHECK (decided_by IS DISTINCT FROM asked_by)
);
CREATE UNIQUE INDEX disposal_one_at_a_time ON disposal (case_id) WHERE approved IS NOT false;
"""

GRANTS = """
GRANT SELECT, INSERT, UPDATE ON legal_hold, disposal TO holdfast_app;
GRANT SELECT, UPDATE ON disposal, acquisition, contributor, contributor_contact TO holdfast_disposal;
GRANT SELECT, DELETE ON reading, location TO holdfast_disposal;
GRANT SELECT ON legal_hold TO holdfast_disposal;
"""


def upgrade() -> None:
    """Make the tables and grants."""
    op.execute(TABLES)
    op.execute(GRANTS)
