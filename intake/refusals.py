"""Requests that the door for texts turned away: counted by reason, nothing else kept, and an alarm when they burst.

A request that claims our own account and has a signature no key of ours made is mostly Twilio itself, after somebody
changed the account's token or the address. Strangers do not know the account; theirs are counted and raise nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, select

from archive.acquisition import parsed, rendered
from archive.alerts import raise_alert
from archive.marks import count, get_mark, set_mark
from archive.tables import alert

ALERT: Final = "texts_refused"
MARK: Final = "texts.refused_in_a_row"
BURST: Final = 5
WINDOW: Final = timedelta(minutes=10)
ALARMING: Final = frozenset({"bad_signature", "unknown_algorithm"})
WORDS: Final = (
    "Twilio's calls are turned away: {count} in a few minutes name our account and have a signature that no key of "
    "ours made. Was the account's auth token changed? Then set HOLDFAST_TWILIO_AUTH_TOKEN, and the other one as "
    "HOLDFAST_TWILIO_AUTH_TOKEN_SECONDARY while it is being changed. Was the address changed? HOLDFAST_PUBLIC_URL "
    "must be what Twilio calls. Texts that came meanwhile are fetched from Twilio's list once the token is right."
)


def note_refusal(connection: Connection, reason: str, *, claims_us: bool, at: datetime) -> None:
    """Count one refused request, and raise one alarm where five alarming ones came within ten minutes.

    Args:
        connection: In the caller's transaction.
        reason: Why, one word.
        claims_us: Whether it named our account.
        at: Our clock.
    """
    count(connection, f"texts_refused_{reason}")  # locks the row: those who refuse at once go one after the other
    if reason not in ALARMING or not claims_us:
        return
    begun, number = at, 1
    so_far = get_mark(connection, MARK)
    if so_far is not None and at - parsed(so_far["since"]) < WINDOW:
        begun, number = parsed(so_far["since"]), so_far["count"] + 1
    set_mark(connection, MARK, {"since": rendered(begun), "count": number}, at=at)
    if number == BURST and not _is_told(connection):
        raise_alert(connection, ALERT, at=at, text=WORDS.format(count=number))


def _is_told(connection: Connection) -> bool:
    unseen = select(alert.c.id).where(alert.c.kind == ALERT, alert.c.seen_at.is_(None))
    return connection.execute(unseen.limit(1)).first() is not None
