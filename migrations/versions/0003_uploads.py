"""Uploads: files that arrive in pieces, and acquisitions whose bytes wait for the vault in such pieces.

Pieces are stored as they came, uncompressed and out of line. They can be added and let go, never changed; while an
acquisition is not in the vault nobody can remove its pieces, the owner included.
"""

from alembic import op

revision = "0003"
down_revision = "0002"

TABLES = """
ALTER TABLE acquisition ADD COLUMN in_pieces boolean NOT NULL DEFAULT false;
ALTER TABLE acquisition DROP CONSTRAINT acquisition_check;
ALTER TABLE acquisition ADD CONSTRAINT acquisition_has_bytes
  CHECK (state = 'archived' OR raw IS NOT NULL OR in_pieces);
CREATE TABLE upload (
  id uuid PRIMARY KEY,
  link_id uuid NOT NULL REFERENCES link (id),
  number integer NOT NULL,
  session_sha256 text NOT NULL,
  way text NOT NULL CHECK (way IN ('tus', 'form')),
  name text NOT NULL,
  name_base64 text NOT NULL,
  declared_type text NOT NULL,
  fingerprint text,
  size_bytes bigint NOT NULL CHECK (size_bytes >= 0),
  position bigint NOT NULL CHECK (position BETWEEN 0 AND size_bytes),
  pieces integer NOT NULL,
  began_at timestamptz NOT NULL,
  seen_at timestamptz NOT NULL,
  finished_at timestamptz,
  given_up_at timestamptz,
  let_go_at timestamptz,
  receipt_sha256 text UNIQUE,
  UNIQUE (link_id, number)
);
CREATE INDEX upload_session ON upload (session_sha256);
CREATE INDEX upload_began ON upload (link_id, began_at);
CREATE INDEX upload_held ON upload (seen_at) WHERE let_go_at IS NULL;
CREATE TABLE upload_piece (
  upload_id uuid NOT NULL REFERENCES upload (id),
  start bigint NOT NULL CHECK (start >= 0),
  body bytea NOT NULL,
  sha256 text NOT NULL,
  PRIMARY KEY (upload_id, start)
);
-- Photos and recordings do not compress; trying costs time, and pieces are read whole.
ALTER TABLE upload_piece ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE FUNCTION keep_pieces() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM acquisition WHERE id = OLD.upload_id AND state <> 'archived') THEN
    RAISE EXCEPTION 'the bytes of % are not in the vault yet', OLD.upload_id;
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER upload_piece_kept BEFORE DELETE ON upload_piece FOR EACH ROW EXECUTE FUNCTION keep_pieces();
GRANT SELECT, INSERT, UPDATE ON upload TO holdfast_app;
GRANT SELECT, INSERT, DELETE ON upload_piece TO holdfast_app;
GRANT SELECT ON upload TO holdfast_disposal;
"""


def upgrade() -> None:
    """Make the tables, and let an acquisition wait in pieces."""
    op.execute(TABLES)
