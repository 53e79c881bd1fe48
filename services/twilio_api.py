"""The part of the stand-in that is Twilio's own API: Messages and Media, version 2010-04-01.

Media are asked for with the account's credentials and answered with a redirect to a CDN address, which needs none and,
like Twilio's, refuses a request that brings some.
"""

from __future__ import annotations

import hmac
import threading
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import urlencode

from flask import Blueprint, Response, g, jsonify, request

from services.faults import Faults
from services.twilio_store import OUTBOUND, Media, Message, Search, Store
from services.webhook import API_VERSION, Webhook, call, segments, status_parameters

BODY_LIMIT = 1600
PAGE_SIZE, LARGEST_PAGE = 50, 1000
STATUS_PAUSE_SECONDS = 0.05
DAY_LENGTH = len("2026-11-23")


@dataclass(frozen=True, slots=True)
class Account:
    """The one account of the stand-in, its number, and where the stand-in is."""

    sid: str
    auth_token: str
    number: str
    base_url: str

    def is_asked_by(self, username: str | None, password: str | None) -> bool:
        """Whether these Basic credentials are the account's."""
        right_name = hmac.compare_digest((username or "").encode(), self.sid.encode())
        return hmac.compare_digest((password or "").encode(), self.auth_token.encode()) and right_name


class TwilioError(Exception):
    """An answer that says no, with Twilio's own number for the reason."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(status, code, message)
        self.status, self.code, self.message = status, code, message

    def answer(self) -> tuple[Response, int]:
        """The JSON document Twilio sends."""
        more = f"https://www.twilio.com/docs/errors/{self.code}"
        return jsonify(code=self.code, message=self.message, more_info=more, status=self.status), self.status


def make_api(store: Store, account: Account) -> Blueprint:
    """The API as a blueprint."""
    api = Blueprint("api", __name__)
    faults = Faults()
    root = f"/{API_VERSION}/Accounts/<account_sid>/Messages"

    def known(sid: str) -> Message:
        if (message := store.message(sid)) is None:
            raise _not_found()
        return message

    @api.before_request
    def authenticate() -> None:
        if request.endpoint == "api.cdn":
            return
        credentials = request.authorization
        right = credentials is not None and account.is_asked_by(credentials.username, credentials.password)
        if not right or (request.view_args or {}).get("account_sid", account.sid) != account.sid:
            raise TwilioError(401, 20003, "Authenticate")

    api.before_request(faults.before)
    api.after_request(faults.after)
    api.register_error_handler(TwilioError, TwilioError.answer)
    api.record_once(lambda state: state.app.extensions.update(faults=faults))

    @api.post(f"{root}.json")
    def create(account_sid: str) -> tuple[Response, int]:
        message = _create(store, account)
        if callback := request.form.get("StatusCallback"):
            threading.Thread(target=_announce, args=(store, account, message, callback), daemon=True).start()
        g.sid = message.sid
        return jsonify(_message_json(store, replace(message, status="queued"), account_sid)), 201

    @api.get(f"{root}.json")
    def list_messages(account_sid: str) -> Response:
        size = min(max(1, request.args.get("PageSize", PAGE_SIZE, int)), LARGEST_PAGE)
        token = request.args.get("PageToken", "")
        before = int(token.removeprefix("PA")) if token.removeprefix("PA").isdecimal() else None
        found = store.messages(_search(), before=before, limit=size + 1)
        return jsonify(_page(store, account_sid, found, size))

    @api.get(f"{root}/<sid>.json")
    def fetch(account_sid: str, sid: str) -> Response:
        return jsonify(_message_json(store, known(sid), account_sid))

    @api.post(f"{root}/<sid>.json")
    def update(account_sid: str, sid: str) -> Response:
        known(sid)
        if request.form.get("Body") != "":
            raise TwilioError(400, 20001, "Only an empty Body can be set: it redacts the message")
        store.redact(sid)
        return jsonify(_message_json(store, known(sid), account_sid))

    @api.delete(f"{root}/<sid>.json")
    def delete(account_sid: str, sid: str) -> tuple[str, int]:  # noqa: ARG001 - checked by `authenticate`
        store.delete(known(sid).sid)
        return "", 204

    @api.get(f"{root}/<sid>/Media.json")
    def list_media(account_sid: str, sid: str) -> Response:
        media = [_media_json(item, account_sid) for item in store.media(known(sid).sid)]
        uri = f"/{API_VERSION}/Accounts/{account_sid}/Messages/{sid}/Media.json"
        return jsonify(media_list=media, page=0, page_size=PAGE_SIZE, uri=uri, first_page_uri=uri, next_page_uri=None,
                       previous_page_uri=None, start=0, end=max(0, len(media) - 1))  # fmt: skip

    def known_media(sid: str, media_sid: str) -> Media:
        if (media := store.one_media(sid, media_sid)) is None:
            raise _not_found()
        return media

    @api.get(f"{root}/<sid>/Media/<media_sid>.json")
    def describe_media(account_sid: str, sid: str, media_sid: str) -> Response:
        return jsonify(_media_json(known_media(sid, media_sid), account_sid))

    @api.get(f"{root}/<sid>/Media/<media_sid>")
    def fetch_media(account_sid: str, sid: str, media_sid: str) -> Response:  # noqa: ARG001 - see `delete`
        location = f"{account.base_url}/_cdn/{known_media(sid, media_sid).cdn_token}"
        return Response(status=307, headers={"Location": location})

    @api.delete(f"{root}/<sid>/Media/<media_sid>.json")
    def delete_media(account_sid: str, sid: str, media_sid: str) -> tuple[str, int]:  # noqa: ARG001 - see `delete`
        store.delete_media(known_media(sid, media_sid).sid)
        return "", 204

    @api.get("/_cdn/<token>")
    def cdn(token: str) -> Response | tuple[str, int]:
        if "Authorization" in request.headers:
            return "The account's credentials do not belong here: follow the redirect without them", 400
        media = store.media_by_token(token)
        return ("", 404) if media is None else Response(media.content, mimetype=media.content_type)

    return api


def _create(store: Store, account: Account) -> Message:
    """Send a text, or say why not, in the order Twilio checks."""
    to, sender, body = (request.form.get(name, "") for name in ("To", "From", "Body"))
    if not to:
        raise TwilioError(400, 21604, "A 'To' phone number is required.")
    if sender != account.number:
        raise TwilioError(400, 21606, "The 'From' phone number provided is not a valid message-capable number.")
    if not (to.startswith("+") and to[1:].isdecimal()):
        raise TwilioError(400, 21211, "Invalid 'To' Phone Number")
    if not body:
        raise TwilioError(400, 21602, "Message body is required.")
    if len(body) > BODY_LIMIT:
        raise TwilioError(400, 21617, f"The concatenated message body exceeds the {BODY_LIMIT} character limit")
    if store.has_opted_out(to):
        raise TwilioError(400, 21610, "Attempt to send to unsubscribed recipient")
    return store.add(OUTBOUND, sender, to, body, "delivered")


def _announce(store: Store, account: Account, message: Message, callback: str) -> None:
    """Tell a status callback that the text went out and arrived."""
    public, target = store.setting("public_url"), store.setting("target_url")
    # Behind a proxy the callback's public address is not where the application listens.
    same_origin = public and target and callback.startswith(_origin(public))
    reached = _origin(target or "") + callback[len(_origin(public or "")) :] if same_origin else callback
    for status in ("sent", "delivered"):
        time.sleep(STATUS_PAUSE_SECONDS)
        parameters = status_parameters(replace(message, status=status), account.sid)
        call(Webhook(callback, reached), parameters, account.auth_token, message.idempotency_token)


def _origin(url: str) -> str:
    return "/".join(url.split("/", 3)[:3])


def _search() -> Search:
    on = request.args.get("DateSent")
    after, before = request.args.get("DateSent>"), request.args.get("DateSent<")
    start = _seconds(on or after)
    until = _seconds(before)
    if on is not None and start is not None:
        until = start + (int(timedelta(days=1).total_seconds()) - 1 if len(on) == DAY_LENGTH else 0)
    return Search(request.args.get("From"), request.args.get("To"), start, until)


def _seconds(text: str | None) -> int | None:
    """A date, meaning its midnight in UTC, or a date and time, as seconds since 1970."""
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise TwilioError(400, 20001, f"Not a date: {text}") from error
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())


def _page(store: Store, account_sid: str, found: list[Message], size: int) -> dict[str, object]:
    """One page of a listing; `found` holds one message more than the page where there is a next one."""
    path, shown = f"/{API_VERSION}/Accounts/{account_sid}/Messages.json", found[:size]
    asked = {name: value for name, value in request.args.items() if name not in {"Page", "PageToken", "PageSize"}}
    number = request.args.get("Page", 0, int)
    following = urlencode(
        {**asked, "PageSize": size, "Page": number + 1, "PageToken": f"PA{shown[-1].seq if shown else 0}"}
    )
    return {
        "messages": [_message_json(store, message, account_sid) for message in shown],
        "page": number,
        "page_size": size,
        "start": number * size,
        "end": number * size + max(0, len(shown) - 1),
        "uri": request.full_path,
        "first_page_uri": f"{path}?{urlencode({**asked, 'PageSize': size, 'Page': 0})}",
        "previous_page_uri": None,
        "next_page_uri": f"{path}?{following}" if len(found) > size else None,
    }


def _message_json(store: Store, message: Message, account_sid: str) -> dict[str, object]:
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
        "error_code": None,
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


def _media_json(media: Media, account_sid: str) -> dict[str, object]:
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


def _not_found() -> TwilioError:
    return TwilioError(404, 20404, f"The requested resource {request.path} was not found")
