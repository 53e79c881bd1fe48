"""People and items that the tests of answers are about."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from archive.acquisition import Channel
from archive.contributor import Contact, ContactKind, Contributor, ReplyStyle, SafeContact
from replies.policy import History, Item, Limits, decide

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
NUMBER, ADDRESS = "+447700900123", "amy@example.org"
PHONE = Contact(ContactKind.PHONE, NUMBER, UUID(int=1))
MAILBOX = Contact(ContactKind.EMAIL, ADDRESS, UUID(int=2))
OURS = frozenset({"+447700900100", "desk@example.net"})
LIMITS = Limits(own=OURS)
NOTHING_BEFORE = History()
AGREED = SafeContact(ReplyStyle.DISCREET, review_by=date(2027, 1, 1))
AMY = Contributor(UUID(int=3), UUID(int=4), "Amy Carter", "AC", (PHONE, MAILBOX), AGREED)
TEXT = Item(
    id=UUID(int=5),
    channel=Channel.SMS,
    sender=NUMBER,
    archived=True,
    came_at=NOW - timedelta(seconds=3),
    assigned_to=AMY.id,
    enrolled=1,
    by_plain_text=True,
)
PLAIN_HEADERS = (("From", f"Amy Carter <{ADDRESS}>"), ("To", "desk@example.net"), ("Message-ID", "<a1@example.org>"))
MAIL = replace(TEXT, channel=Channel.EMAIL, sender=ADDRESS, by_plain_text=False, headers=PLAIN_HEADERS)
NIGHT = (time(22), time(7))


def nobody(_value):
    return False


def agreeing(**what):
    return replace(AMY, safe_contact=replace(AGREED, **what))


def decided(item=TEXT, person=AMY, history=NOTHING_BEFORE, now=NOW, limits=LIMITS, is_offender=nobody):
    return decide(item, person, history, now, limits, is_offender)
