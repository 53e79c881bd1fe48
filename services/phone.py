"""The part of the stand-in that is ours: a handset to text with, and switches for tests. All under `/_phone/`."""

from __future__ import annotations

import base64
import binascii
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, jsonify, request

from services.faults import Fault, Faults
from services.twilio_api import Account, TwilioError
from services.twilio_store import INBOUND, Attachment, Message, Outcome, Store
from services.webhook import Webhook, call, received_parameters

# Twilio's default words for long codes; compared with the whole text, without case.
STOP_WORDS = {"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "OPTOUT", "REVOKE"}
OUTCOMES = ("delivered", "undelivered", "failed")
START_WORDS = {"START", "YES", "UNSTOP"}


def make_phone(store: Store, account: Account, faults: Faults) -> Blueprint:
    """The handset and the switches as a blueprint."""
    phone = Blueprint("phone", __name__, url_prefix="/_phone")

    @phone.before_request
    def authenticate() -> tuple[Response, int] | None:
        credentials = request.authorization
        asked_by_account = credentials is not None and account.is_asked_by(credentials.username, credentials.password)
        if asked_by_account or request.endpoint == "phone.health":
            return None
        return jsonify(error="the account's SID and token are needed"), 401

    phone.register_error_handler(TwilioError, TwilioError.answer)

    @phone.get("/health")
    def health() -> Response:
        return jsonify(ready=True)

    @phone.put("/webhook")
    def set_webhook() -> Response:
        asked = _document()
        public = _text(asked, "public_url")
        store.set_setting("public_url", public)
        store.set_setting("target_url", _text(asked, "target_url", public))
        return jsonify(public_url=store.setting("public_url"), target_url=store.setting("target_url"))

    @phone.post("/send")
    def send() -> tuple[Response, int]:
        asked = _document()
        message = _receive(store, account, asked)
        delivery = _deliver(store, account, message) if asked.get("deliver", True) else None
        return jsonify(sid=message.sid, webhook=delivery), 201

    @phone.post("/redeliver")
    def redeliver() -> Response:
        message = store.message(_text(_document(), "sid"))
        if message is None or message.direction != INBOUND:
            raise TwilioError(404, 20404, "no such inbound message")
        return jsonify(sid=message.sid, webhook=_deliver(store, account, message))

    @phone.get("/messages")
    def messages() -> Response:
        number = request.args.get("number", "")
        return jsonify(number=number, messages=[_shown(message, number) for message in store.seen_by(number)])

    _add_switches(phone, store, faults)
    return phone


def _add_switches(phone: Blueprint, store: Store, faults: Faults) -> None:
    """What becomes of texts on their way, and which calls fail."""

    @phone.put("/outcome")
    def set_outcome() -> Response:
        asked = _document()
        outcome = _outcome(asked)
        store.set_outcome(_text(asked, "number"), outcome)
        return jsonify(number=asked["number"], **asdict(outcome))

    @phone.post("/faults")
    def ask_for_fault() -> tuple[Response, int]:
        asked = _document()
        fault = Fault(
            operation=_text(asked, "operation"),
            status=int(asked.get("status", 503)),
            times=int(asked.get("times", 1)),
            acts=bool(asked.get("acts", False)),
            pause_seconds=float(asked.get("pause_seconds", 0)),
        )
        faults.ask(fault)
        return jsonify(asdict(fault)), 201


def _outcome(asked: dict[str, Any]) -> Outcome:
    """What texts to a number come to; a status that ends nothing, or a code that is no number, is refused."""
    outcome = Outcome(_text(asked, "status"), asked.get("error_code"))
    if outcome.status not in OUTCOMES or not isinstance(outcome.error_code, int | None):
        raise TwilioError(400, 20001, f"status: one of {', '.join(OUTCOMES)}; error_code: a number or none")
    return outcome


def _receive(store: Store, account: Account, asked: dict[str, Any]) -> Message:
    """Take a text from a handset; its media are base64 in `content`."""
    sender, body = _text(asked, "from"), _text(asked, "body", "")
    attachments = [_attachment(item) for item in asked.get("media", [])]
    word = body.strip().upper()
    if word in STOP_WORDS:
        store.opt_out(sender)
    elif word in START_WORDS:
        store.opt_in(sender)
    return store.add(INBOUND, sender, _text(asked, "to", account.number), body, "received", attachments)


def _deliver(store: Store, account: Account, message: Message) -> dict[str, object] | None:
    """Announce an inbound text; None where no webhook has been set."""
    public, target = store.setting("public_url"), store.setting("target_url")
    if public is None or target is None:
        return None
    parameters = received_parameters(message, account.sid, store.media(message.sid), account.base_url)
    delivery = call(Webhook(public, target), parameters, account.auth_token, message.idempotency_token)
    return {"status": delivery.status, "attempts": list(delivery.attempts)}


def _attachment(item: object) -> Attachment:
    if not isinstance(item, dict):
        raise TwilioError(400, 20001, "media: a list of {content_type, content} is needed")
    try:
        return Attachment(_text(item, "content_type"), base64.b64decode(_text(item, "content"), validate=True))
    except binascii.Error as error:
        raise TwilioError(400, 20001, "media: content is not base64") from error


def _shown(message: Message, number: str) -> dict[str, object]:
    outgoing = message.sender == number
    return {
        "sid": message.sid,
        "direction": "sent" if outgoing else "received",
        "other": message.recipient if outgoing else message.sender,
        "body": message.body,
        "at": datetime.fromtimestamp(message.created_at, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
    }


def _document() -> dict[str, Any]:
    document = request.get_json(silent=True)
    if not isinstance(document, dict):
        raise TwilioError(400, 20001, "a JSON object is needed")
    return document


def _text(document: dict[str, Any], name: str, default: str | None = None) -> str:
    value = document.get(name, default)
    if not isinstance(value, str):
        raise TwilioError(400, 20001, f"{name}: a text is needed")
    return value
