"""The part of the stand-in that is Twilio's own API: Messages and Media, version 2010-04-01.

Media are asked for with the account's credentials and answered with a redirect to a CDN address, which needs none and,
like Twilio's, refuses a request that brings some.
"""

from __future__ import annotations

import hmac
import threading
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from flask import Blueprint, Response, jsonify, request

from services.faults import Faults
from services.twilio_documents import PAGE_SIZE, media_document, media_page_document, message_document, page_document
from services.twilio_store import OUTBOUND, Media, Message, Search, Store
from services.webhook import API_VERSION, Webhook, call, status_parameters

ROOT = f"/{API_VERSION}/Accounts/<account_sid>/Messages"

BODY_LIMIT = 1600
LARGEST_PAGE = 1000
STATUS_PAUSE_SECONDS = 0.05
DAY_SECONDS = 24 * 3600


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

    @classmethod
    def not_found(cls) -> TwilioError:
        """What Twilio says about an address that names nothing."""
        return cls(404, 20404, f"The requested resource {request.path} was not found")


def make_api(store: Store, account: Account, faults: Faults) -> Blueprint:
    """The API as a blueprint: every address but the CDN's asks for the account's credentials."""
    api = Blueprint("api", __name__)

    @api.before_request
    def authenticate() -> None:
        credentials = request.authorization
        right = credentials is not None and account.is_asked_by(credentials.username, credentials.password)
        if request.endpoint != "api.cdn" and not (right and (request.view_args or {})["account_sid"] == account.sid):
            raise TwilioError(401, 20003, "Authenticate")

    api.before_request(faults.before)
    api.after_request(faults.after)
    api.register_error_handler(TwilioError, TwilioError.answer)
    _add_messages(api, Messages(store, account))
    _add_media(api, MessageMedia(store, account))
    return api


def _add_messages(api: Blueprint, messages: Messages) -> None:
    one, all_of_them = f"{ROOT}/<sid>.json", f"{ROOT}.json"
    api.add_url_rule(all_of_them, "create", messages.create, methods=["POST"])
    api.add_url_rule(all_of_them, "list_messages", messages.list)
    api.add_url_rule(one, "fetch", messages.fetch)
    api.add_url_rule(one, "update", messages.update, methods=["POST"])
    api.add_url_rule(one, "delete", messages.delete, methods=["DELETE"])


def _add_media(api: Blueprint, media: MessageMedia) -> None:
    bare, described = f"{ROOT}/<sid>/Media/<media_sid>", f"{ROOT}/<sid>/Media/<media_sid>.json"
    api.add_url_rule(f"{ROOT}/<sid>/Media.json", "list_media", media.list)
    api.add_url_rule(described, "describe_media", media.describe)
    api.add_url_rule(described, "delete_media", media.delete, methods=["DELETE"])
    api.add_url_rule(bare, "fetch_media", media.fetch)
    api.add_url_rule("/_cdn/<token>", "cdn", media.cdn)


@dataclass(frozen=True, slots=True)
class Messages:
    """What can be done with messages. The account in the address has been checked before."""

    store: Store
    account: Account

    def create(self, account_sid: str) -> tuple[Response, int]:
        """Send a text to a handset."""
        message = _create(self.store, self.account)
        if callback := request.form.get("StatusCallback"):
            arguments = (self.store, self.account, message, callback)
            threading.Thread(target=_announce, args=arguments, daemon=True).start()
        return jsonify(message_document(self.store, replace(message, status="queued"), account_sid)), 201

    def list(self, account_sid: str) -> Response:
        """A page of messages, newest first."""
        size = min(max(1, request.args.get("PageSize", PAGE_SIZE, int)), LARGEST_PAGE)
        token = request.args.get("PageToken", "").removeprefix("PA")
        found = self.store.messages(_search(), before=int(token) if token.isdecimal() else None, limit=size + 1)
        return jsonify(page_document(self.store, account_sid, found, size))

    def fetch(self, account_sid: str, sid: str) -> Response:
        """One message."""
        return jsonify(message_document(self.store, known_message(self.store, sid), account_sid))

    def update(self, account_sid: str, sid: str) -> Response:
        """Redact a message: an empty body is the one change there is."""
        known_message(self.store, sid)
        if request.form.get("Body") != "":
            raise TwilioError(400, 20001, "Only an empty Body can be set: it redacts the message")
        self.store.redact(sid)
        return self.fetch(account_sid, sid)

    def delete(self, account_sid: str, sid: str) -> tuple[str, int]:  # noqa: ARG002 - checked before
        """Forget a message, with its media."""
        self.store.delete(known_message(self.store, sid).sid)
        return "", 204


@dataclass(frozen=True, slots=True)
class MessageMedia:
    """What can be done with the media of a message."""

    store: Store
    account: Account

    def list(self, account_sid: str, sid: str) -> Response:
        """All media of a message, on one page: there are at most ten."""
        return jsonify(media_page_document(known_message(self.store, sid), account_sid, self.store.media(sid)))

    def describe(self, account_sid: str, sid: str, media_sid: str) -> Response:
        """What one is, without its bytes."""
        return jsonify(media_document(self._known(sid, media_sid), account_sid))

    def fetch(self, account_sid: str, sid: str, media_sid: str) -> Response:  # noqa: ARG002 - checked before
        """Where the bytes of one are."""
        location = f"{self.account.base_url}/_cdn/{self._known(sid, media_sid).cdn_token}"
        return Response(status=307, headers={"Location": location})

    def delete(self, account_sid: str, sid: str, media_sid: str) -> tuple[str, int]:  # noqa: ARG002 - checked before
        """Forget one."""
        self.store.delete_media(self._known(sid, media_sid).sid)
        return "", 204

    def cdn(self, token: str) -> Response | tuple[str, int]:
        """The bytes of one, to whoever knows the address and brings no credentials."""
        if "Authorization" in request.headers:
            return "The account's credentials do not belong here: follow the redirect without them", 400
        media = self.store.media_by_token(token)
        return ("", 404) if media is None else Response(media.content, mimetype=media.content_type)

    def _known(self, sid: str, media_sid: str) -> Media:
        if (media := self.store.one_media(sid, media_sid)) is None:
            raise TwilioError.not_found()
        return media


def known_message(store: Store, sid: str) -> Message:
    """A message, or Twilio's "not found"."""
    if (message := store.message(sid)) is None:
        raise TwilioError.not_found()
    return message


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
    outcome = store.outcome_for(to)
    message = store.add(OUTBOUND, sender, to, body, outcome.status)
    if outcome.error_code:
        store.note_failure(message.sid, outcome.error_code)
    return message


def _announce(store: Store, account: Account, message: Message, callback: str) -> None:
    """Tell a status callback that the text went out, and whether it arrived."""
    public, target = store.setting("public_url"), store.setting("target_url")
    # Behind a proxy the callback's public address is not where the application listens.
    same_origin = public and target and callback.startswith(_origin(public))
    reached = _origin(target or "") + callback[len(_origin(public or "")) :] if same_origin else callback
    code = store.failure_of(message.sid)
    # `failed` says that the network never took it.
    for status in (message.status,) if message.status == "failed" else ("sent", message.status):
        time.sleep(STATUS_PAUSE_SECONDS)
        why = code if status == message.status else None
        parameters = status_parameters(replace(message, status=status), account.sid, why)
        call(Webhook(callback, reached), parameters, account.auth_token, message.idempotency_token)


def _origin(url: str) -> str:
    return "/".join(url.split("/", 3)[:3])


def _search() -> Search:
    """What a listing asks for; `DateSent` means that whole day in UTC, whatever time it carries."""
    start, until = _seconds(request.args.get("DateSent>")), _seconds(request.args.get("DateSent<"))
    if (on := _seconds(request.args.get("DateSent"))) is not None:
        start = on - on % DAY_SECONDS
        until = start + DAY_SECONDS - 1
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
