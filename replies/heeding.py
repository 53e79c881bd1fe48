"""Words agreed in private: a duress word alerts an officer, stop words end answers. Nothing she is sent tells of it.

What comes is archived and answered by the same rules as if the word were any other: whoever reads over her shoulder, or
holds her phone, sees no difference.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, select

from archive.agreed_words import Signals
from archive.alerts import raise_alert
from archive.contributor import Contributor, ReplyStyle, agree_anew
from archive.tables import alert
from intake.reading.model import Reading
from replies.alerting import raise_once
from replies.delivery import clear_opt_out

ACTOR: Final = "system:replies"
DURESS, STOPPED = "duress", "stopped"
# A flood of messages with the word is one alarm, a second one an hour later is another.
SAME_ALARM: Final = timedelta(minutes=15)
# Twilio's own words: after one of them it lets our texts through again.
OPT_IN: Final = frozenset({"start", "unstop"})


def heed(
    connection: Connection,
    row: Row[Any],
    found: Reading | None,
    person: Contributor,
    signals: Signals | None,
    *,
    now: datetime,
) -> None:
    """See to the agreed words in one archived item of an enrolled person, before anything is decided about it.

    Args:
        connection: In the caller's transaction.
        row: The exhibit with its acquisition.
        found: Its reading, if there is one.
        person: Who sent it in.
        signals: Recognises agreed words; None where this process has no secret for them.
        now: Our clock.
    """
    if found is None or found.state != "read":
        return
    if signals is not None:
        _heed_duress(connection, person, found, row, signals, now)
        _heed_stop(connection, person, found, row, signals, now)
    if found.text.strip().casefold() in OPT_IN and found.forward is None:
        for contact in person.contacts:
            if contact.opted_out and contact.value == row.sender:
                clear_opt_out(connection, contact.id, person.case_id, at=now, actor=ACTOR, reason="it sent START")


def _heed_duress(
    connection: Connection, person: Contributor, found: Reading, row: Row[Any], signals: Signals, now: datetime
) -> None:
    parts = (found.subject, found.note, found.text, *(words for _, words in found.account))
    mark = person.safe_contact.duress_mark
    if not any(signals.is_within(mark, part) for part in parts if part):
        return
    lately = (alert.c.kind == DURESS) & (alert.c.case_id == person.case_id) & (alert.c.at > now - SAME_ALARM)
    if connection.execute(select(alert.c.id).where(lately, alert.c.seen_at.is_(None))).first() is None:
        raise_alert(connection, DURESS, at=now, acquisition_id=row.id, case_id=person.case_id)


def _heed_stop(
    connection: Connection, person: Contributor, found: Reading, row: Row[Any], signals: Signals, now: datetime
) -> None:
    """Only the whole message counts, and only as she agreed: a forwarded STOP is evidence and ends nothing."""
    agreed = person.safe_contact
    if found.forward is not None or agreed.style is ReplyStyle.NONE:
        return
    if not signals.is_whole(agreed.stop_mark, found.text):
        return
    silent = replace(agreed, style=ReplyStyle.NONE, links_allowed=False, questions_allowed=False)
    agree_anew(connection, person, silent, at=now, actor=ACTOR, reason="her own stop words")
    raise_once(connection, STOPPED, at=now, case_id=person.case_id, text=None, acquisition_id=row.id)
