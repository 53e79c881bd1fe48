"""The database's tables, as SQLAlchemy knows them. Migrations make them; a test compares the two.

Evidence rows (`acquisition`, `exhibit`, `custody_*`, `tree_node`, `checkpoint`) are never deleted by the application's
login, and custody rows never updated: grants and triggers in `migrations/` hold that.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSON

metadata = MetaData()


def _moment(name: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, Text, nullable=nullable)


account = Table(
    "account",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("email", Text, nullable=False, unique=True),
    _text("role"),
    _text("password_hash"),
    Column("must_change_password", Boolean, nullable=False),
    Column("active", Boolean, nullable=False),
    _moment("created_at"),
)

session = Table(
    "session",
    metadata,
    Column("token_sha256", Text, primary_key=True),
    Column("account_id", ForeignKey("account.id"), nullable=False),
    _moment("began_at"),
    _moment("seen_at"),
    _moment("ends_at"),
    _moment("revoked_at", nullable=True),
)

case = Table(
    "case",
    metadata,
    Column("id", Uuid, primary_key=True),
    _text("reference"),
    Column("slug", Text, nullable=False, unique=True),
    _text("title", nullable=True),
    Column("officer_in_case", ForeignKey("account.id"), nullable=False),
    _moment("opened_at"),
    _moment("closed_at", nullable=True),
    Column("review_by", Date),
)

case_member = Table(
    "case_member",
    metadata,
    Column("case_id", ForeignKey("case.id"), primary_key=True),
    Column("account_id", ForeignKey("account.id"), primary_key=True),
    _moment("since"),
)

contributor = Table(
    "contributor",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("case_id", ForeignKey("case.id"), nullable=False),
    _text("name"),
    _text("initials"),
    _text("reply_style"),
    _text("wording", nullable=True),
    _text("quiet_from", nullable=True),
    _text("quiet_to", nullable=True),
    _text("timezone"),
    _text("who_else_sees", nullable=True),
    Column("links_allowed", Boolean, nullable=False, server_default="false"),
    Column("review_by", Date),
    _moment("enrolled_at"),
    _moment("left_at", nullable=True),
    Column("language", Text, nullable=False, server_default="en"),
    Column("questions_allowed", Boolean, nullable=False, server_default="false"),
    _text("duress_mark", nullable=True),
    _text("stop_mark", nullable=True),
    Column("reminded_for", Date),
)

contributor_contact = Table(
    "contributor_contact",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("contributor_id", ForeignKey("contributor.id"), nullable=False),
    _text("kind"),
    Column("value", Text, nullable=False, index=True),
    Column("likeness", Text, nullable=False, index=True, server_default=""),
    _moment("opted_out_at", nullable=True),
    _moment("doubted_at", nullable=True),
    _moment("doubt_settled_at", nullable=True),
)

offender_identifier = Table(
    "offender_identifier",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("case_id", ForeignKey("case.id"), nullable=False, index=True),
    _text("value"),
    Column("likeness", Text, nullable=False, index=True),
    _moment("confirmed_at"),
    _text("confirmed_by"),
    _moment("withdrawn_at", nullable=True),
)

link = Table(
    "link",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("token_sha256", Text, nullable=False, unique=True),
    _text("kind"),
    Column("case_id", ForeignKey("case.id"), nullable=False, index=True),
    Column("contributor_id", ForeignKey("contributor.id"), nullable=False),
    Column("one_time", Boolean, nullable=False),
    Column("shows_earlier", Boolean, nullable=False),
    _text("pin_hash", nullable=True),
    Column("pin_tries", Integer, nullable=False, server_default="0"),
    _moment("pin_locked_until", nullable=True),
    _moment("created_at"),
    _text("created_by"),
    _moment("expires_at"),
    _moment("revoked_at", nullable=True),
    _moment("used_up_at", nullable=True),
    _text("used_up_in", nullable=True),
)

link_session = Table(
    "link_session",
    metadata,
    Column("session_sha256", Text, primary_key=True),
    Column("link_id", ForeignKey("link.id"), nullable=False, index=True),
    _moment("began_at"),
    _moment("seen_at"),
    _moment("ends_at"),
    Column("pin_given", Boolean, nullable=False),
)

link_sending = Table(
    "link_sending",
    metadata,
    Column("link_id", ForeignKey("link.id"), primary_key=True),
    Column("contact_id", ForeignKey("contributor_contact.id"), nullable=False),
    _text("state"),
    _moment("attempted_at"),
    _moment("finished_at", nullable=True),
    _text("provider_id", nullable=True),
    _text("failed_because", nullable=True),
)

mail_alias = Table(
    "mail_alias",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("case_id", ForeignKey("case.id"), nullable=False),
    Column("contributor_id", ForeignKey("contributor.id"), nullable=False, index=True),
    Column("tag_sha256", Text, nullable=False, unique=True),
    _text("tag", nullable=True),
    _moment("given_at"),
    _moment("ended_at", nullable=True),
)

mail_token = Table(
    "mail_token",
    metadata,
    Column("account", Text, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    _moment("obtained_at"),
    _moment("renew_at"),
)

acquisition = Table(
    "acquisition",
    metadata,
    Column("id", Uuid, primary_key=True),
    _text("channel"),
    Column("source_id", Text, nullable=False, unique=True),
    _moment("received_at"),
    _moment("delivered_at", nullable=True),
    _text("sha256"),
    _text("sha512"),
    Column("size_bytes", BigInteger, nullable=False),
    _text("media_type"),
    Column("door", JSON, nullable=False),
    Column("raw", LargeBinary),
    _text("state"),
    Column("attempts", Integer, nullable=False),
    _text("parked_because", nullable=True),
    _moment("parked_at", nullable=True),
    Column("parent_id", Uuid),
    Column("observation_of", ForeignKey("acquisition.id")),
    _text("sender", nullable=True),
    Column("for_case", ForeignKey("case.id")),
    Column("for_contributor", ForeignKey("contributor.id")),
    Column("in_pieces", Boolean, nullable=False, server_default="false"),
    Column("alias_id", ForeignKey("mail_alias.id")),
)

draft = Table(
    "draft",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("link_id", ForeignKey("link.id"), nullable=False, index=True),
    Column("session_sha256", ForeignKey("link_session.session_sha256"), nullable=False),
    _text("kind"),
    _moment("began_at"),
    _moment("changed_at"),
    Column("answers", JSON, nullable=False),
    Column("saved", JSON, nullable=False),
    _moment("ended_at", nullable=True),
    Column("finished", Boolean),
    Column("acquisition_id", ForeignKey("acquisition.id")),
    Column("receipt_sha256", Text, unique=True),
)

location = Table(
    "location",
    metadata,
    Column("source_id", Text, primary_key=True),
    Column("acquisition_id", ForeignKey("acquisition.id"), nullable=False),
    _moment("seen_at"),
)

exhibit = Table(
    "exhibit",
    metadata,
    Column("id", ForeignKey("acquisition.id"), primary_key=True),
    _text("vault_key"),
    _text("vault_version"),
    _moment("retain_until"),
    _moment("archived_at"),
    Column("archived_entry", BigInteger, nullable=False),
    Column("case_id", ForeignKey("case.id"), index=True),
    Column("contributor_id", ForeignKey("contributor.id")),
    _text("initials", nullable=True),
    Column("number", Integer),
    _moment("quarantined_at", nullable=True),
    _text("quarantined_because", nullable=True),
    _moment("left_at", nullable=True),
    Column("held", Boolean, nullable=False, server_default="false"),
)

exhibit_counter = Table(
    "exhibit_counter",
    metadata,
    Column("case_id", ForeignKey("case.id"), primary_key=True),
    Column("initials", Text, primary_key=True),
    Column("last", Integer, nullable=False),
)

reading = Table(
    "reading",
    metadata,
    Column("exhibit_id", ForeignKey("exhibit.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    _moment("read_at"),
    _text("state"),
    Column("content", JSON, nullable=False),
    _text("words"),
    _moment("ordered_at"),
)

authenticity = Table(
    "authenticity",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("exhibit_id", ForeignKey("exhibit.id"), nullable=False),
    _moment("judged_at"),
    Column("version", Integer, nullable=False),
    _text("state"),
    _text("asked_by", nullable=True),
    Column("summary", JSON, nullable=False),
    Column("content", LargeBinary, nullable=False),
    _text("sha256"),
)

authenticity_due = Table(
    "authenticity_due",
    metadata,
    Column("exhibit_id", ForeignKey("exhibit.id"), primary_key=True),
    _moment("since"),
    Column("tries", Integer, nullable=False),
    _moment("next_at"),
    _text("asked_by", nullable=True),
)

unpacking = Table(
    "unpacking",
    metadata,
    Column("exhibit_id", ForeignKey("exhibit.id"), primary_key=True),
    _moment("asked_at"),
    _text("state"),
    Column("tries", Integer, nullable=False),
    _moment("next_at"),
    Column("passed", Integer, nullable=False),
    Column("exhibits", Integer, nullable=False),
    _text("holds", nullable=True),
    Column("taken", JSON, nullable=False),
    Column("parked", JSON, nullable=False),
    _text("because", nullable=True),
    _moment("finished_at", nullable=True),
)

reply = Table(
    "reply",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("contributor_id", ForeignKey("contributor.id"), nullable=False),
    Column("contact_id", ForeignKey("contributor_contact.id"), nullable=False),
    _text("wording"),
    _text("state"),
    _moment("planned_at"),
    _moment("due_at"),
    _moment("attempted_at", nullable=True),
    _moment("finished_at", nullable=True),
    _text("provider_id", nullable=True),
    _text("failed_because", nullable=True),
)

reply_item = Table(
    "reply_item",
    metadata,
    Column("exhibit_id", ForeignKey("exhibit.id"), primary_key=True),
    Column("reply_id", ForeignKey("reply.id")),
    _moment("decided_at"),
)

question = Table(
    "question",
    metadata,
    Column("id", ForeignKey("reply.id"), primary_key=True),
    Column("contributor_id", ForeignKey("contributor.id"), nullable=False),
    Column("contact_id", ForeignKey("contributor_contact.id"), nullable=False),
    _moment("asked_at"),
    _moment("open_until"),
    _moment("closed_at", nullable=True),
    _text("closed_because", nullable=True),
)

question_item = Table(
    "question_item",
    metadata,
    Column("question_id", ForeignKey("question.id"), primary_key=True),
    Column("exhibit_id", ForeignKey("exhibit.id"), primary_key=True),
)

follow_up = Table(
    "follow_up",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("exhibit_id", ForeignKey("exhibit.id"), nullable=False),
    Column("words_id", ForeignKey("exhibit.id"), nullable=False, index=True),
    Column("question_id", ForeignKey("question.id")),
    Column("content", JSON, nullable=False),
    _moment("ordered_at", nullable=True),
    _moment("attached_at"),
    _text("attached_by"),
    _moment("detached_at", nullable=True),
)

package = Table(
    "package",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("case_id", ForeignKey("case.id"), nullable=False),
    _text("edition"),
    _text("state"),
    _text("requested_by"),
    _moment("requested_at"),
    Column("done", Integer, nullable=False),
    Column("total", Integer, nullable=False),
    _moment("finished_at", nullable=True),
    _text("vault_key", nullable=True),
    _text("vault_version", nullable=True),
    _text("sha256", nullable=True),
    Column("size_bytes", BigInteger),
    Column("checkpoint_size", BigInteger),
    _text("failed_because", nullable=True),
)

alert = Table(
    "alert",
    metadata,
    Column("id", Uuid, primary_key=True),
    _text("kind"),
    _moment("at"),
    Column("acquisition_id", ForeignKey("acquisition.id")),
    Column("case_id", ForeignKey("case.id")),
    _text("text"),
    _moment("seen_at", nullable=True),
    _moment("mail_due_at", nullable=True),
    _moment("mailed_at", nullable=True),
)

counter = Table(
    "counter",
    metadata,
    Column("name", Text, primary_key=True),
    Column("count", BigInteger, nullable=False),
)

mark = Table(
    "mark",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", JSON, nullable=False),
    _moment("at"),
)

custody_entry = Table(
    "custody_entry",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("stream", Text, nullable=False, index=True),
    _text("names_stream", nullable=True),
    _moment("at"),
    _text("payload_sha256"),
)

custody_payload = Table(
    "custody_payload",
    metadata,
    Column("entry_id", BigInteger, primary_key=True),
    Column("body", LargeBinary, nullable=False),
)

custody_pending = Table("custody_pending", metadata, Column("entry_id", BigInteger, primary_key=True))

custody_leaf = Table(
    "custody_leaf",
    metadata,
    Column("leaf_index", BigInteger, primary_key=True),
    Column("entry_id", BigInteger, nullable=False, unique=True),
    Column("leaf", LargeBinary, nullable=False),
    Column("leaf_hash", LargeBinary, nullable=False),
    _text("stream"),
    Column("stream_seq", BigInteger, nullable=False),
    Column("stream_prev", LargeBinary, nullable=False),
)

tree_node = Table(
    "tree_node",
    metadata,
    Column("level", SmallInteger, primary_key=True),
    Column("idx", BigInteger, primary_key=True),
    Column("hash", LargeBinary, nullable=False),
)

checkpoint = Table(
    "checkpoint",
    metadata,
    Column("size", BigInteger, primary_key=True),
    Column("root", LargeBinary, nullable=False),
    Column("note", LargeBinary, nullable=False),
    _moment("signed_at"),
)

timestamp_token = Table(
    "timestamp_token",
    metadata,
    Column("checkpoint_size", ForeignKey("checkpoint.size"), primary_key=True),
    Column("authority", Text, primary_key=True),
    Column("response", LargeBinary, nullable=False),
    _text("sha256"),
    _moment("gen_time"),
    Column("accuracy_ms", Integer, nullable=False),
    _text("signer"),
    Column("demonstration", Boolean, nullable=False),
    _moment("received_at"),
    Column("entry_id", BigInteger, nullable=False, unique=True),
)

timestamp_attempt = Table(
    "timestamp_attempt",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("checkpoint_size", BigInteger, nullable=False),
    _text("authority"),
    _moment("asked_at"),
    _moment("ended_at"),
    _text("outcome"),
    _text("because", nullable=True),
    Column("request", LargeBinary, nullable=False),
    Column("response", LargeBinary),
)

timestamp_due = Table(
    "timestamp_due",
    metadata,
    Column("checkpoint_size", ForeignKey("checkpoint.size"), primary_key=True),
    Column("authority", Text, primary_key=True),
    _text("wanted_for"),
    _moment("since"),
    Column("tries", Integer, nullable=False),
    _moment("next_at"),
    _moment("claimed_until", nullable=True),
)

timestamp_authority = Table(
    "timestamp_authority",
    metadata,
    Column("name", Text, primary_key=True),
    Column("failures", Integer, nullable=False),
    _moment("open_until", nullable=True),
    _moment("answered_at", nullable=True),
    _moment("failed_at", nullable=True),
    _text("because", nullable=True),
    _moment("alarmed_at", nullable=True),
)

cosignature = Table(
    "cosignature",
    metadata,
    Column("checkpoint_size", ForeignKey("checkpoint.size"), primary_key=True),
    Column("witness", Text, primary_key=True),
    _text("line"),
    _moment("cosigned_at"),
)

log_key = Table(
    "log_key",
    metadata,
    Column("verifier_key", Text, primary_key=True),
    _moment("announced_at"),
    _moment("retired_at", nullable=True),
    _text("retired_because", nullable=True),
)

published = Table(
    "published",
    metadata,
    Column("name", Text, primary_key=True),
    Column("vault_key", Text, nullable=False, unique=True),
    _text("vault_version"),
    _text("sha256"),
    _text("stream", nullable=True),
    _moment("at"),
    _moment("retain_until"),
)

audit_run = Table(
    "audit_run",
    metadata,
    Column("id", Uuid, primary_key=True),
    _text("kind"),
    _moment("since", nullable=True),
    _text("part", nullable=True),
    _text("actor"),
    _moment("started_at"),
    _moment("went_on_at"),
    _moment("finished_at", nullable=True),
    _text("step"),
    _text("cursor"),
    Column("looked_at", JSON, nullable=False),
)

audit_fault = Table(
    "audit_fault",
    metadata,
    Column("run_id", ForeignKey("audit_run.id"), primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("place", Text, primary_key=True),
    _text("says"),
    _moment("found_at"),
)

upload = Table(
    "upload",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("link_id", Uuid, nullable=False),
    Column("number", Integer, nullable=False),
    _text("session_sha256"),
    _text("way"),
    _text("name"),
    _text("name_base64"),
    _text("declared_type"),
    _text("fingerprint", nullable=True),
    Column("size_bytes", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("pieces", Integer, nullable=False),
    _moment("began_at"),
    _moment("seen_at"),
    _moment("finished_at", nullable=True),
    _moment("given_up_at", nullable=True),
    _moment("let_go_at", nullable=True),
    Column("receipt_sha256", Text, unique=True),
    Column("parent_id", Uuid),
)

upload_piece = Table(
    "upload_piece",
    metadata,
    Column("upload_id", ForeignKey("upload.id"), primary_key=True),
    Column("start", BigInteger, primary_key=True),
    Column("body", LargeBinary, nullable=False),
    _text("sha256"),
)

legal_hold = Table(
    "legal_hold",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("case_id", ForeignKey("case.id"), nullable=False),
    _moment("placed_at"),
    _text("placed_by"),
    _text("reason"),
    _moment("lifted_at", nullable=True),
    _text("lifted_by", nullable=True),
    _text("lifted_because", nullable=True),
)

disposal = Table(
    "disposal",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("case_id", ForeignKey("case.id"), nullable=False),
    _moment("asked_at"),
    _text("asked_by"),
    _text("reason"),
    _moment("decided_at", nullable=True),
    _text("decided_by", nullable=True),
    Column("approved", Boolean),
    _text("because", nullable=True),
    _moment("done_at", nullable=True),
    _text("certificate_key", nullable=True),
    _text("certificate_version", nullable=True),
    _text("certificate_sha256", nullable=True),
)

completeness = Table(
    "completeness",
    metadata,
    Column("entry_id", BigInteger, primary_key=True),
    _text("source"),
    _moment("stated_at"),
    Column("facts", JSON, nullable=False),
)

delivery_report = Table(
    "delivery_report",
    metadata,
    Column("message_sid", Text, primary_key=True),
    Column("status", Text, primary_key=True),
    Column("error_code", Integer),
    _moment("told_at"),
)

put_begun = Table("put_begun", metadata, Column("vault_key", Text, primary_key=True))

media_due = Table(
    "media_due",
    metadata,
    Column("source_id", Text, primary_key=True),
    Column("acquisition_id", ForeignKey("acquisition.id"), nullable=False),
    Column("tries", Integer, nullable=False),
    _text("because"),
    _moment("next_at"),
    _moment("parked_at", nullable=True),
)

provider_copy = Table(
    "provider_copy",
    metadata,
    Column("acquisition_id", ForeignKey("acquisition.id"), primary_key=True),
    _text("act"),
    _moment("done_at"),
)
