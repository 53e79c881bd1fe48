"""The house: people, cases, acquisitions, exhibits, readings, replies, packages and the custody ledger.

Four logins, by group role: the owner runs migrations; `holdfast_app` inserts custody entries and can neither update
nor delete them; `holdfast_sequencer` alone gives them their place; `holdfast_disposal` alone erases payloads.
There is no way back down: a step that loses custody rows must not exist.
"""

from alembic import op

revision = "0001"
down_revision = None

ROLES = """
DO $$
DECLARE r text;
BEGIN
  FOREACH r IN ARRAY ARRAY['holdfast_app', 'holdfast_sequencer', 'holdfast_disposal'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = r) THEN
      EXECUTE format('CREATE ROLE %I NOLOGIN', r);
    END IF;
  END LOOP;
END $$;
"""

PEOPLE = """
CREATE TABLE account (
  id uuid PRIMARY KEY,
  email text NOT NULL UNIQUE,
  role text NOT NULL CHECK (role IN ('officer', 'supervisor', 'disclosure', 'auditor', 'administrator')),
  password_hash text NOT NULL,
  must_change_password boolean NOT NULL,
  active boolean NOT NULL,
  created_at timestamptz NOT NULL
);
CREATE TABLE session (
  token_sha256 text PRIMARY KEY,
  account_id uuid NOT NULL REFERENCES account (id),
  began_at timestamptz NOT NULL,
  seen_at timestamptz NOT NULL,
  ends_at timestamptz NOT NULL,
  revoked_at timestamptz
);
CREATE TABLE "case" (
  id uuid PRIMARY KEY,
  reference text NOT NULL,
  slug text NOT NULL UNIQUE,
  title text,
  officer_in_case uuid NOT NULL REFERENCES account (id),
  opened_at timestamptz NOT NULL,
  closed_at timestamptz
);
CREATE TABLE case_member (
  case_id uuid NOT NULL REFERENCES "case" (id),
  account_id uuid NOT NULL REFERENCES account (id),
  since timestamptz NOT NULL,
  PRIMARY KEY (case_id, account_id)
);
CREATE TABLE contributor (
  id uuid PRIMARY KEY,
  case_id uuid NOT NULL REFERENCES "case" (id),
  name text NOT NULL,
  initials text NOT NULL,
  reply_style text NOT NULL CHECK (reply_style IN ('discreet', 'plain', 'none')),
  wording text,
  quiet_from text,
  quiet_to text,
  timezone text NOT NULL,
  who_else_sees text,
  review_by date,
  enrolled_at timestamptz NOT NULL,
  left_at timestamptz
);
CREATE TABLE contributor_contact (
  id uuid PRIMARY KEY,
  contributor_id uuid NOT NULL REFERENCES contributor (id),
  kind text NOT NULL CHECK (kind IN ('phone', 'email')),
  value text NOT NULL
);
CREATE INDEX ix_contributor_contact_value ON contributor_contact (value);
"""

EVIDENCE = r"""
CREATE TABLE acquisition (
  id uuid PRIMARY KEY,
  channel text NOT NULL CHECK (channel IN ('email', 'sms', 'upload', 'diary')),
  source_id text NOT NULL UNIQUE,
  received_at timestamptz NOT NULL,
  delivered_at timestamptz,
  sha256 text NOT NULL CHECK (length(sha256) = 64),
  sha512 text NOT NULL CHECK (length(sha512) = 128),
  size_bytes bigint NOT NULL CHECK (size_bytes >= 0),
  media_type text NOT NULL,
  door json NOT NULL,
  raw bytea,
  state text NOT NULL CHECK (state IN ('received', 'archived', 'parked')),
  attempts integer NOT NULL DEFAULT 0,
  parked_because text,
  parked_at timestamptz,
  parent_id uuid REFERENCES acquisition (id),
  observation_of uuid REFERENCES acquisition (id),
  sender text,
  for_case uuid REFERENCES "case" (id),
  for_contributor uuid REFERENCES contributor (id),
  CHECK (state = 'archived' OR raw IS NOT NULL),
  CHECK ((state = 'parked') = (parked_because IS NOT NULL))
);
CREATE INDEX acquisition_waiting ON acquisition (received_at) WHERE state = 'received';
CREATE INDEX acquisition_parked ON acquisition (parked_at) WHERE state = 'parked';
-- For mails alone: only they are looked for by folder and by content, and a text should not pay for it.
CREATE INDEX acquisition_source_prefix ON acquisition (source_id text_pattern_ops) WHERE channel = 'email';
CREATE INDEX acquisition_content ON acquisition (sha256, delivered_at) WHERE channel = 'email';
CREATE TABLE location (
  source_id text PRIMARY KEY,
  acquisition_id uuid NOT NULL REFERENCES acquisition (id),
  seen_at timestamptz NOT NULL
);
CREATE INDEX location_source_prefix ON location (source_id text_pattern_ops);
CREATE TABLE exhibit (
  id uuid PRIMARY KEY REFERENCES acquisition (id),
  vault_key text NOT NULL UNIQUE,
  vault_version text NOT NULL,
  retain_until timestamptz NOT NULL,
  archived_at timestamptz NOT NULL,
  archived_entry bigint NOT NULL,
  case_id uuid REFERENCES "case" (id),
  contributor_id uuid REFERENCES contributor (id),
  initials text,
  number integer,
  quarantined_at timestamptz,
  quarantined_because text,
  left_at timestamptz,
  UNIQUE (case_id, initials, number)
);
CREATE INDEX ix_exhibit_case_id ON exhibit (case_id);
CREATE INDEX exhibit_quarantine ON exhibit (quarantined_at) WHERE case_id IS NULL AND quarantined_at IS NOT NULL;
CREATE TABLE exhibit_counter (
  case_id uuid NOT NULL REFERENCES "case" (id),
  initials text NOT NULL,
  last integer NOT NULL,
  PRIMARY KEY (case_id, initials)
);
CREATE TABLE reading (
  exhibit_id uuid NOT NULL REFERENCES exhibit (id),
  version integer NOT NULL,
  read_at timestamptz NOT NULL,
  state text NOT NULL CHECK (state IN ('read', 'unreadable')),
  content json NOT NULL,
  words text NOT NULL,
  ordered_at timestamptz NOT NULL,
  PRIMARY KEY (exhibit_id, version)
);
-- Asked before every answer: does this number or address appear in evidence as somebody else's?
CREATE INDEX reading_reported_address ON reading (lower(btrim(content -> 'reported_from' ->> 'address')));
CREATE INDEX reading_reported_number ON reading (
  right(regexp_replace(content -> 'reported_from' ->> 'number', '\D', '', 'g'), 10)
);
"""

ANSWERS = """
CREATE TABLE reply (
  id uuid PRIMARY KEY,
  contributor_id uuid NOT NULL REFERENCES contributor (id),
  contact_id uuid NOT NULL REFERENCES contributor_contact (id),
  wording text NOT NULL,
  state text NOT NULL CHECK (state IN ('planned', 'attempting', 'sent', 'failed', 'unknown', 'withdrawn')),
  planned_at timestamptz NOT NULL,
  due_at timestamptz NOT NULL,
  attempted_at timestamptz,
  finished_at timestamptz,
  provider_id text,
  failed_because text
);
CREATE UNIQUE INDEX reply_one_planned ON reply (contact_id) WHERE state = 'planned';
CREATE INDEX reply_due ON reply (due_at) WHERE state IN ('planned', 'attempting');
CREATE TABLE reply_item (
  exhibit_id uuid PRIMARY KEY REFERENCES exhibit (id),
  reply_id uuid REFERENCES reply (id),
  decided_at timestamptz NOT NULL
);
CREATE TABLE package (
  id uuid PRIMARY KEY,
  case_id uuid NOT NULL REFERENCES "case" (id),
  edition text NOT NULL CHECK (edition IN ('full', 'disclosure')),
  state text NOT NULL CHECK (state IN ('requested', 'building', 'ready', 'failed')),
  requested_by text NOT NULL,
  requested_at timestamptz NOT NULL,
  done integer NOT NULL DEFAULT 0,
  total integer NOT NULL DEFAULT 0,
  finished_at timestamptz,
  vault_key text,
  vault_version text,
  sha256 text,
  size_bytes bigint,
  checkpoint_size bigint,
  failed_because text
);
CREATE TABLE alert (
  id uuid PRIMARY KEY,
  kind text NOT NULL,
  at timestamptz NOT NULL,
  acquisition_id uuid REFERENCES acquisition (id),
  case_id uuid REFERENCES "case" (id),
  text text NOT NULL,
  seen_at timestamptz
);
CREATE TABLE counter (name text PRIMARY KEY, count bigint NOT NULL);
CREATE TABLE mark (name text PRIMARY KEY, value json NOT NULL, at timestamptz NOT NULL);
"""

CUSTODY = """
CREATE TABLE custody_entry (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  stream text NOT NULL,
  names_stream text,
  at timestamptz NOT NULL,
  payload_sha256 text NOT NULL
);
CREATE INDEX ix_custody_entry_stream ON custody_entry (stream);
CREATE TABLE custody_payload (entry_id bigint PRIMARY KEY, body bytea NOT NULL);
CREATE TABLE custody_pending (entry_id bigint PRIMARY KEY);
CREATE TABLE custody_leaf (
  leaf_index bigint PRIMARY KEY,
  entry_id bigint NOT NULL UNIQUE,
  leaf bytea NOT NULL,
  leaf_hash bytea NOT NULL,
  stream text NOT NULL,
  stream_seq bigint NOT NULL,
  stream_prev bytea NOT NULL,
  UNIQUE (stream, stream_seq)
);
CREATE TABLE tree_node (
  level smallint NOT NULL,
  idx bigint NOT NULL,
  hash bytea NOT NULL,
  PRIMARY KEY (level, idx)
);
CREATE TABLE checkpoint (
  size bigint PRIMARY KEY,
  root bytea NOT NULL,
  note bytea NOT NULL,
  signed_at timestamptz NOT NULL
);
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'rows of % are written once', TG_TABLE_NAME;
END $$;
"""

WRITTEN_ONCE = ("custody_entry", "custody_leaf", "tree_node", "checkpoint")

GRANTS = """
GRANT USAGE ON SCHEMA public TO holdfast_app, holdfast_sequencer, holdfast_disposal;
GRANT SELECT, INSERT, UPDATE ON account, session, "case", case_member, contributor, contributor_contact, acquisition,
  location, exhibit, exhibit_counter, reading, reply, reply_item, package, alert, counter, mark TO holdfast_app;
GRANT DELETE ON session TO holdfast_app;
GRANT SELECT, INSERT ON custody_entry, custody_payload, custody_pending TO holdfast_app;
GRANT SELECT ON custody_leaf, tree_node, checkpoint TO holdfast_app;
GRANT SELECT ON alembic_version TO holdfast_app;
GRANT SELECT, INSERT ON custody_entry, custody_payload, custody_pending TO holdfast_sequencer;
GRANT SELECT, INSERT, UPDATE ON mark TO holdfast_sequencer;
GRANT DELETE ON custody_pending TO holdfast_sequencer;
GRANT SELECT, INSERT ON custody_leaf, tree_node, checkpoint TO holdfast_sequencer;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO holdfast_disposal;
GRANT DELETE ON custody_payload TO holdfast_disposal;
GRANT INSERT ON custody_entry, custody_payload, custody_pending TO holdfast_disposal;
"""


def upgrade() -> None:
    """Make every table, the guards on custody rows, and the grants."""
    for part in (ROLES, PEOPLE, EVIDENCE, ANSWERS, CUSTODY):
        op.execute(part)
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
