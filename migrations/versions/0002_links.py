"""Personal links, their visits and their sending; and whether a contributor may be sent one at all."""

from alembic import op

revision = "0002"
down_revision = "0001"

TABLES = """
ALTER TABLE contributor ADD COLUMN links_allowed boolean NOT NULL DEFAULT false;
CREATE TABLE link (
  id uuid PRIMARY KEY,
  token_sha256 text NOT NULL UNIQUE,
  kind text NOT NULL CHECK (kind IN ('diary', 'upload')),
  case_id uuid NOT NULL REFERENCES "case" (id),
  contributor_id uuid NOT NULL REFERENCES contributor (id),
  one_time boolean NOT NULL,
  shows_earlier boolean NOT NULL,
  pin_hash text,
  pin_tries integer NOT NULL DEFAULT 0,
  pin_locked_until timestamptz,
  created_at timestamptz NOT NULL,
  created_by text NOT NULL,
  expires_at timestamptz NOT NULL,
  revoked_at timestamptz,
  used_up_at timestamptz,
  used_up_in text
);
CREATE INDEX ix_link_case_id ON link (case_id);
CREATE TABLE link_session (
  session_sha256 text PRIMARY KEY,
  link_id uuid NOT NULL REFERENCES link (id),
  began_at timestamptz NOT NULL,
  seen_at timestamptz NOT NULL,
  ends_at timestamptz NOT NULL,
  pin_given boolean NOT NULL
);
CREATE INDEX ix_link_session_link_id ON link_session (link_id);
CREATE TABLE link_sending (
  link_id uuid PRIMARY KEY REFERENCES link (id),
  contact_id uuid NOT NULL REFERENCES contributor_contact (id),
  state text NOT NULL CHECK (state IN ('attempting', 'sent', 'failed', 'unknown')),
  attempted_at timestamptz NOT NULL,
  finished_at timestamptz,
  provider_id text,
  failed_because text
);
GRANT SELECT, INSERT, UPDATE ON link, link_session, link_sending TO holdfast_app;
GRANT SELECT ON link, link_session, link_sending TO holdfast_disposal;
"""


def upgrade() -> None:
    """Make the tables; nobody enrolled before was asked, so nobody may be sent a link."""
    op.execute(TABLES)
