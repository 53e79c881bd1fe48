"""How the stand-in writes messages and media: the JSON documents of Twilio's API, version 2010-04-01."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import urlencode

from flask import request

from services.twilio_store import Media, Message, Store
from services.webhook import API_VERSION, segments

PAGE_SIZE = 50


def page_document(store: Store, account_sid: str, found: list[Message], size: int) -> dict[str, object]:
    """One page of a listing; `found` holds one message more than the page where there is a next one."""
    path, shown = f"/{API_VERSION}/Accounts/{account_sid}/Messages.json", found[:size]
    asked = {name: value for name, value in request.args.items() if name not in {"Page", "PageToken", "PageSize"}}
    number = request.args.get("Page", 0, int)
    following = urlencode(
        {**asked, "PageSize": size, "Page": number + 1, "PageToken": f"PA{shown[-1].seq if shown else 0}"}
    )
    return {
        "messages": [message_document(store, message, account_sid) for message in shown],
        "page": number,
        "page_size": size,
        "start": number * size,
        "end": number * size + max(0, len(shown) - 1),
        "uri": request.full_path,
        "first_page_uri": f"{path}?{urlencode({**asked, 'PageSize': size, 'Page': 0})}",
        "previous_page_uri": None,
        "next_page_uri": f"{path}?{following}" if len(found) > size else None,
    }


def message_document(store: Store, message: Message, account_sid: str) -> dict[str, object]:
    """One message."""
    uri = f"/{API_VERSION}/Accounts/{account_sid}/Messages/{message.sid}"
    return {
        "sid": message.sid,
        "account_sid": account_sid,
        "api_version": API_VERSION,
        "body": message.body,
        "date_created": _rfc2822(message.created_at),
        "date_sent": _rfc2822(message.created_at),
        "date_updated": _rfc2822(message.updated_at),
        "direction": message.direction,
        "error_code": store.failure_of(message.sid),
        "error_message": None,
        "from": message.sender,
        "to": message.recipient,
        "messaging_service_sid": None,
        "num_media": str(len(store.media(message.sid))),
        "num_segments": str(segments(message.body)),
        "price": None,
        "price_unit": "USD",
        "status": message.status,
        "subresource_uris": {"media": f"{uri}/Media.json", "feedback": f"{uri}/Feedback.json"},
        "uri": f"{uri}.json",
    }


def media_page_document(message: Message, account_sid: str, media: Sequence[Media]) -> dict[str, object]:
    """All media of a message, as the one page there is."""
    uri = f"/{API_VERSION}/Accounts/{account_sid}/Messages/{message.sid}/Media.json"
    return {
        "media_list": [media_document(item, account_sid) for item in media],
        "page": 0,
        "page_size": PAGE_SIZE,
        "start": 0,
        "end": max(0, len(media) - 1),
        "uri": uri,
        "first_page_uri": uri,
        "previous_page_uri": None,
        "next_page_uri": None,
    }


def media_document(media: Media, account_sid: str) -> dict[str, object]:
    """One of a message's media, without its bytes."""
    return {
        "sid": media.sid,
        "account_sid": account_sid,
        "parent_sid": media.message_sid,
        "content_type": media.content_type,
        "date_created": _rfc2822(media.created_at),
        "date_updated": _rfc2822(media.created_at),
        "uri": f"/{API_VERSION}/Accounts/{account_sid}/Messages/{media.message_sid}/Media/{media.sid}.json",
    }


def _rfc2822(seconds: int) -> str:
    return format_datetime(datetime.fromtimestamp(seconds, UTC))
