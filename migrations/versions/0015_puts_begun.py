"""Puts that were begun, instead of one mark of when a put last failed."""

from alembic import op

revision = "0015"
down_revision = "0014"

TABLES = "CREATE TABLE put_begun (vault_key text PRIMARY KEY);"
GRANTS = "GRANT SELECT, INSERT, DELETE ON put_begun TO holdfast_app;"
# A put of what waits may have been begun under the version before this one.
EARLIER = "INSERT INTO put_begun SELECT 'items/' || id FROM acquisition WHERE state <> 'archived';"
MARK = "DELETE FROM mark WHERE name = 'vault.failed';"


def upgrade() -> None:
    """Make the table and its grants; whatever waits is looked for first."""
    for statement in (TABLES, GRANTS, EARLIER, MARK):
        op.execute(statement)
