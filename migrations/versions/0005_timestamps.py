"""Timestamp tokens: those that hold, every attempt to get one, what is still owed, and how each authority fares.

Tokens and attempts are written once, like the checkpoints they belong to. What is owed is a work list and may shrink.
"""

from alembic import op

revision = "0005"
down_revision = "0004"

TABLES = """
CREATE TABLE timestamp_token (
  checkpoint_size bigint NOT NULL REFERENCES checkpoint (size),
  authority text NOT NULL,
  response bytea NOT NULL,
  sha256 text NOT NULL CHECK (length(sha256) = 64),
  gen_time timestamptz NOT NULL,
  accuracy_ms integer NOT NULL CHECK (accuracy_ms >= 0),
  signer text NOT NULL,
  demonstration boolean NOT NULL,
  received_at timestamptz NOT NULL,
  entry_id bigint NOT NULL UNIQUE,
  PRIMARY KEY (checkpoint_size, authority)
);
CREATE TABLE timestamp_attempt (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  checkpoint_size bigint NOT NULL,
  authority text NOT NULL,
  asked_at timestamptz NOT NULL,
  ended_at timestamptz NOT NULL,
  outcome text NOT NULL
    CHECK (outcome IN ('received', 'unreachable', 'not_a_reply', 'rejected', 'off_clock')),
  because text,
  request bytea NOT NULL,
  response bytea
);
CREATE INDEX timestamp_attempt_checkpoint ON timestamp_attempt (checkpoint_size, authority);
CREATE TABLE timestamp_due (
  checkpoint_size bigint NOT NULL REFERENCES checkpoint (size),
  authority text NOT NULL,
  wanted_for text NOT NULL CHECK (wanted_for IN ('schedule', 'package')),
  since timestamptz NOT NULL,
  tries integer NOT NULL,
  next_at timestamptz NOT NULL,
  claimed_until timestamptz,
  PRIMARY KEY (checkpoint_size, authority)
);
CREATE TABLE timestamp_authority (
  name text PRIMARY KEY,
  failures integer NOT NULL,
  open_until timestamptz,
  answered_at timestamptz,
  failed_at timestamptz,
  because text,
  alarmed_at timestamptz
);
"""

WRITTEN_ONCE = ("timestamp_token", "timestamp_attempt")

GRANTS = """
GRANT SELECT, INSERT ON timestamp_token, timestamp_attempt TO holdfast_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON timestamp_due TO holdfast_app;
GRANT SELECT, INSERT, UPDATE ON timestamp_authority TO holdfast_app;
GRANT SELECT ON timestamp_token, timestamp_attempt, timestamp_due, timestamp_authority TO holdfast_disposal;
"""


def upgrade() -> None:
    """Make the tables, guard what is written once, and grant."""
    op.execute(TABLES)
    for table in WRITTEN_ONCE:
        op.execute(
            f"CREATE TRIGGER {table}_written_once BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_kept BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    op.execute(GRANTS)
