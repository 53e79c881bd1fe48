"""What contributors agreed, more of it; whom officers confirmed as the offender's; questions and answers to them."""

from alembic import op
from sqlalchemy import text

from archive.likeness import likeness

revision = "0012"
down_revision = "0011"

TABLES = """
ALTER TABLE contributor
  ADD COLUMN language text NOT NULL DEFAULT 'en' CHECK (language IN ('en', 'cy')),
  ADD COLUMN questions_allowed boolean NOT NULL DEFAULT false,
  ADD COLUMN duress_mark text,
  ADD COLUMN stop_mark text,
  ADD COLUMN reminded_for date;
ALTER TABLE contributor_contact
  ADD COLUMN likeness text NOT NULL DEFAULT '',
  ADD COLUMN opted_out_at timestamptz,
  ADD COLUMN doubted_at timestamptz,
  ADD COLUMN doubt_settled_at timestamptz;
CREATE INDEX ix_contributor_contact_likeness ON contributor_contact (likeness);
CREATE TABLE offender_identifier (
  id uuid PRIMARY KEY,
  case_id uuid NOT NULL REFERENCES "case" (id),
  value text NOT NULL,
  likeness text NOT NULL CHECK (likeness <> ''),
  confirmed_at timestamptz NOT NULL,
  confirmed_by text NOT NULL,
  withdrawn_at timestamptz
);
CREATE INDEX ix_offender_identifier_case_id ON offender_identifier (case_id);
CREATE INDEX ix_offender_identifier_likeness ON offender_identifier (likeness);
CREATE UNIQUE INDEX offender_identifier_once ON offender_identifier (case_id, likeness) WHERE withdrawn_at IS NULL;
ALTER TABLE reply DROP CONSTRAINT reply_state_check;
ALTER TABLE reply ADD CONSTRAINT reply_state_check
  CHECK (state IN ('planned', 'attempting', 'sent', 'failed', 'unknown', 'withdrawn', 'undelivered'));
CREATE INDEX reply_provider ON reply (provider_id) WHERE provider_id IS NOT NULL;
CREATE INDEX reply_attempted ON reply (attempted_at) WHERE attempted_at IS NOT NULL;
CREATE TABLE question (
  id uuid PRIMARY KEY REFERENCES reply (id),
  contributor_id uuid NOT NULL REFERENCES contributor (id),
  contact_id uuid NOT NULL REFERENCES contributor_contact (id),
  asked_at timestamptz NOT NULL,
  open_until timestamptz NOT NULL,
  closed_at timestamptz,
  closed_because text,
  CHECK ((closed_at IS NULL) = (closed_because IS NULL))
);
CREATE UNIQUE INDEX question_one_open ON question (contributor_id) WHERE closed_at IS NULL;
CREATE TABLE question_item (
  question_id uuid NOT NULL REFERENCES question (id),
  exhibit_id uuid NOT NULL REFERENCES exhibit (id),
  PRIMARY KEY (question_id, exhibit_id)
);
CREATE TABLE follow_up (
  id uuid PRIMARY KEY,
  exhibit_id uuid NOT NULL REFERENCES exhibit (id),
  words_id uuid NOT NULL REFERENCES exhibit (id),
  question_id uuid REFERENCES question (id),
  content json NOT NULL,
  ordered_at timestamptz,
  attached_at timestamptz NOT NULL,
  attached_by text NOT NULL,
  detached_at timestamptz,
  CHECK (exhibit_id <> words_id)
);
CREATE UNIQUE INDEX follow_up_one_each ON follow_up (exhibit_id) WHERE detached_at IS NULL;
CREATE INDEX ix_follow_up_words_id ON follow_up (words_id);
ALTER TABLE alert ADD COLUMN mail_due_at timestamptz, ADD COLUMN mailed_at timestamptz;
-- Nobody is sent mail about what was there to be seen before mail was sent.
UPDATE alert SET mailed_at = at;
CREATE INDEX alert_unmailed ON alert (at) WHERE mailed_at IS NULL;
"""

GRANTS = """
GRANT SELECT, INSERT, UPDATE ON offender_identifier, question, question_item, follow_up TO holdfast_app;
GRANT SELECT ON question, question_item TO holdfast_disposal;
GRANT SELECT, DELETE ON follow_up, offender_identifier TO holdfast_disposal;
"""


def upgrade() -> None:
    """Make the tables and grants; work out by what the contacts there are compared."""
    op.execute(TABLES)
    op.execute(GRANTS)
    connection = op.get_bind()
    for row in connection.execute(text("SELECT id, value FROM contributor_contact")).all():
        connection.execute(
            text("UPDATE contributor_contact SET likeness = :likeness WHERE id = :id"),
            {"likeness": likeness(row.value), "id": row.id},
        )
