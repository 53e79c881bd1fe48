"""Reminders that a safe contact is to be reviewed: a week before its day, and when the day has passed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, select, update

from archive.contributor import ReplyStyle
from archive.tables import contributor
from replies.alerting import raise_once

NEAR: Final = timedelta(days=7)


def remind(connection: Connection, *, now: datetime) -> int:
    """Alert officers once per review date that is near, and once more when it has passed.

    Returns:
        How many contributors somebody was reminded of.
    """
    today = now.date()
    query = select(contributor.c.id, contributor.c.case_id, contributor.c.review_by, contributor.c.reminded_for).where(
        contributor.c.left_at.is_(None),
        contributor.c.reply_style != ReplyStyle.NONE.value,
        contributor.c.review_by <= today + NEAR,
    )
    reminded = 0
    for row in connection.execute(query.with_for_update(skip_locked=True)).all():
        # The day itself stands for "near was said", the day after it for "passed was said".
        passed = row.review_by < today
        said = row.review_by + timedelta(days=1) if passed else row.review_by
        if row.reminded_for is not None and row.reminded_for >= said:
            continue
        kind = "review_overdue" if passed else "review_due"
        raise_once(connection, kind, at=now, case_id=row.case_id, text=None)
        connection.execute(update(contributor).where(contributor.c.id == row.id).values(reminded_for=said))
        reminded += 1
    return reminded
