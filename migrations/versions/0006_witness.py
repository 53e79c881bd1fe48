"""Cosignatures of witnesses beside the checkpoints they are for, and every key the ledger was ever signed with.

Cosignatures are written once. Of a key only its end may be added.
"""

from alembic import op

revision = "0006"
down_revision = "0005"

TABLES = """
CREATE TABLE cosignature (
  checkpoint_size bigint NOT NULL REFERENCES checkpoint (size),
  witness text NOT NULL,
  line text NOT NULL,
  cosigned_at timestamptz NOT NULL,
  PRIMARY KEY (checkpoint_size, witness)
);
CREATE TABLE log_key (
  verifier_key text PRIMARY KEY,
  announced_at timestamptz NOT NULL,
  retired_at timestamptz,
  retired_because text CHECK (retired_because IN ('replaced', 'stolen')),
  CHECK ((retired_at IS NULL) = (retired_because IS NULL))
);
CREATE FUNCTION refuse_other_than_retiring() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.retired_at IS NOT NULL OR NEW.verifier_key <> OLD.verifier_key OR NEW.announced_at <> OLD.announced_at THEN
    RAISE EXCEPTION 'of a key only its end may be added';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER log_key_only_retired BEFORE UPDATE ON log_key
  FOR EACH ROW EXECUTE FUNCTION refuse_other_than_retiring();
CREATE TRIGGER log_key_written_once BEFORE DELETE ON log_key FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER log_key_kept BEFORE TRUNCATE ON log_key FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER cosignature_written_once BEFORE UPDATE OR DELETE ON cosignature
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER cosignature_kept BEFORE TRUNCATE ON cosignature FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""

# The one key there was is known as a mark so far.
KEYS = """
INSERT INTO log_key (verifier_key, announced_at)
SELECT value #>> '{}', at FROM mark WHERE name = 'log_key'
"""

GRANTS = """
GRANT SELECT, INSERT ON cosignature TO holdfast_app;
GRANT SELECT, INSERT ON log_key TO holdfast_app, holdfast_sequencer;
GRANT UPDATE (retired_at, retired_because) ON log_key TO holdfast_app;
GRANT SELECT ON cosignature TO holdfast_sequencer;
GRANT SELECT ON cosignature, log_key TO holdfast_disposal;
"""


def upgrade() -> None:
    """Make both tables and their guards, and take over the key that signs now."""
    op.execute(TABLES)
    op.execute(KEYS)
    op.execute(GRANTS)
