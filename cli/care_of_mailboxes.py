"""What the doctor finds of mailboxes: does each open, and when was it last looked at."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError

from archive.errors import ArchiveError
from archive.tables import mark
from cli import composition
from cli.care_of_time import Finding
from intake.mailbox import seen_mark
from intake.mailbox_url import MailboxUrl
from intake.mailboxes import Mailboxes
from settings import Settings, SettingsError

LATE = timedelta(minutes=5)


def mailbox_findings(settings: Settings) -> Iterator[Finding]:
    """Open every mailbox as the watcher does, change nothing, and say when it was last looked at."""
    database = composition.app_engine(settings, pool_size=1)
    try:
        boxes = composition.mailboxes(settings, database)
        if not boxes.urls:
            says = "none is set: nothing comes in by mail; set HOLDFAST_IMAP_URL"
            yield Finding("mailboxes", fault=False, says=says)
        for url in boxes.urls:
            yield _standing(boxes, url, database)
    except SettingsError as error:
        yield Finding("mailboxes", fault=True, says=str(error))
    finally:
        database.dispose()


def _standing(boxes: Mailboxes, url: MailboxUrl, database: Engine) -> Finding:
    what = f"mailbox {url.name}"
    try:
        with boxes.open(url) as mailbox:
            folder = mailbox.select()
            can = "are moved once archived" if folder.writable and mailbox.can_move else "stay in it once archived"
        with database.connect() as connection:
            looked = connection.execute(select(mark.c.at).where(mark.c.name == seen_mark(url))).scalar()
    except ArchiveError as error:
        return Finding(what, fault=True, says=str(error))
    except SQLAlchemyError:
        return Finding(what, fault=True, says="opens; when it was looked at cannot be looked up: see database")
    late, says = _last_look(looked, composition.now())
    return Finding(what, fault=late, says=f"opens, {folder.mails} mails in it, which {can}; {says}")


def _last_look(at: datetime | None, now: datetime) -> tuple[bool, str]:
    if at is None:
        return False, "never looked at yet: is the mailbox process running?"
    age = now - at
    says = f"last looked at {int(age.total_seconds() // 60)} minutes ago"
    return age > LATE, says + (": is the mailbox process running?" if age > LATE else "")
