"""Several mailboxes: the tokens that some of them want, and the aliases by which mail finds its case."""

from alembic import op

revision = "0010"
down_revision = "0009"

TABLES = """
CREATE TABLE mail_token (
  account text PRIMARY KEY,
  sealed bytea NOT NULL,
  obtained_at timestamptz NOT NULL,
  renew_at timestamptz NOT NULL
);
CREATE TABLE mail_alias (
  id uuid PRIMARY KEY,
  case_id uuid NOT NULL REFERENCES "case" (id),
  contributor_id uuid NOT NULL REFERENCES contributor (id),
  tag_sha256 text NOT NULL UNIQUE,
  tag text,
  given_at timestamptz NOT NULL,
  ended_at timestamptz
);
CREATE INDEX ix_mail_alias_contributor_id ON mail_alias (contributor_id);
CREATE UNIQUE INDEX mail_alias_one_live ON mail_alias (contributor_id) WHERE ended_at IS NULL;
ALTER TABLE acquisition ADD COLUMN alias_id uuid REFERENCES mail_alias (id);
CREATE INDEX acquisition_alias ON acquisition (alias_id) WHERE alias_id IS NOT NULL;
"""

GRANTS = """
GRANT SELECT, INSERT, UPDATE ON mail_token, mail_alias TO holdfast_app;
GRANT SELECT, UPDATE ON mail_alias TO holdfast_disposal;
"""


def upgrade() -> None:
    """Make the tables and grants."""
    op.execute(TABLES)
    op.execute(GRANTS)
