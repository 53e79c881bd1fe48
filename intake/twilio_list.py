"""Twilio's list of messages, a page at a time, as it stands while it grows and shrinks under the reader.

What is new shifts the rest: a message may be told twice, which is harmless, and a page may bring nothing new without
being the last. Only a next page that was asked for already ends the list early. A message that is deleted meanwhile may
shift another out of sight: the next comparison, a few minutes later, sees it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

from intake.addresses import normal_phone
from intake.errors import TwilioUnavailableError

PAGE_SIZE = 1000
# Far above what thirty days can bring; a server that invents pages for ever is no list.
MOST_PAGES = 10_000
ACT = "list texts"


@dataclass(frozen=True, slots=True)
class SeenText:
    """One message in Twilio's list.

    Attributes:
        sid: Its MessageSid.
        created_at: When Twilio had it; None where the list does not say.
        media: How many pictures or recordings came with it.
        inbound: Whether it came in; else it went out.
        ours: Whether it is to our number (an outbound one: from it), or to a sender of ours that is no number.
    """

    sid: str
    created_at: datetime | None
    media: int
    inbound: bool = True
    ours: bool = True


def pages(ask: Callable[[str], bytes], path: str, since: datetime, number: str | None) -> Iterator[list[SeenText]]:
    """Every page of the list from the day of `since` on, newest first, each message once.

    Args:
        ask: Gets the bytes of a path with query, from Twilio and nobody else.
        path: Of the list.
        since: The day it falls on in GMT is the first that is asked for: Twilio's filter knows days only.
        number: Our number in E.164; None: every number of the account is ours.

    Raises:
        TwilioUnavailableError: What came is no list.
    """
    query = urlencode({"PageSize": PAGE_SIZE, "DateSent>": f"{since.astimezone(UTC):%Y-%m-%d}"})
    following: str | None = f"{path}?{query}"
    asked: set[str] = set()
    told: set[str] = set()
    while following and following not in asked and len(asked) < MOST_PAGES:
        asked.add(following)
        document = _document(ask(following))
        found = [_seen(one, number) for one in document["messages"] if isinstance(one, dict)]
        fresh = {one.sid: one for one in found if one and one.sid not in told}
        told.update(fresh)
        yield list(fresh.values())
        following = _path_of(document.get("next_page_uri"))
    if following and following not in asked:
        raise TwilioUnavailableError(ACT, f"more than {MOST_PAGES} pages")


def _document(raw: bytes) -> dict[str, Any]:
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        raise TwilioUnavailableError(ACT, "what came is no list") from None
    if not isinstance(document, dict) or not isinstance(document.get("messages"), list):
        raise TwilioUnavailableError(ACT, "what came is no list")
    return document


def _path_of(uri: object) -> str | None:
    """Path and query of the next page: whatever host it names, only Twilio's own is asked."""
    if not isinstance(uri, str) or not uri:
        return None
    try:
        parts = urlsplit(uri)
    except ValueError:
        raise TwilioUnavailableError(ACT, "its next page has no address") from None
    return f"/{parts.path.lstrip('/')}" + (f"?{parts.query}" if parts.query else "")


def _seen(one: dict[str, Any], number: str | None) -> SeenText | None:
    sid = one.get("sid")
    if not isinstance(sid, str) or not sid:
        return None
    inbound = one.get("direction") == "inbound"
    return SeenText(
        sid,
        _moment(one.get("date_created")),
        _whole(one.get("num_media")),
        inbound,
        _is_ours(one.get("to") if inbound else one.get("from"), number),
    )


def _is_ours(party: object, number: str | None) -> bool:
    if number is None:
        return True
    if not isinstance(party, str):
        return False
    # An RCS agent has a name, no number: who enrolled it in this account meant it for us.
    return party.startswith("rcs:") or party == number or normal_phone(party) == number


def _moment(text: object) -> datetime | None:
    try:
        at = parsedate_to_datetime(text) if isinstance(text, str) else None
        return at.replace(tzinfo=at.tzinfo or UTC).astimezone(UTC) if at else None
    except (ValueError, OverflowError):
        return None


def _whole(text: object) -> int:
    return int(text) if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < len("1000") else 0
