"""The door for texts: Twilio's webhook.

A text is *received* once its raw request is committed; only then is Twilio thanked. The queue is nudged last and may
fail: the sweep finds what it lost. A request without a good signature leaves nothing behind but a counter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn, TypeAlias
from urllib.parse import parse_qsl

import structlog
from flask import Blueprint, Flask, Response, abort, request
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from twilio.request_validator import RequestValidator
from werkzeug.datastructures import MultiDict

from archive.accession import Belonging, receive_alone
from archive.acquisition import Acquisition, Channel
from archive.jobs import Job, Nudge
from archive.marks import count
from intake.addresses import normal_phone
from intake.media import MediaLink, door_facts, media_of

EMPTY_TWIML = '<?xml version="1.0" encoding="UTF-8"?><Response></Response>'
FORM = "application/x-www-form-urlencoded"
SIGNATURE = "X-Twilio-Signature"
# A text has at most 1,600 characters; parameters come on top. Far above anything Twilio sends.
MOST_BODY_BYTES = 1024 * 1024
MOST_FIELDS = 1000
# What could open other doors is not kept with the evidence.
UNKEPT_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization"})
# Of the statuses that Twilio tells, those that mean that nobody got it.
NOT_DELIVERED = frozenset({"failed", "undelivered"})

Undelivered: TypeAlias = Callable[..., object]

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class TextDoor:
    """What the door needs: who may knock, where texts go, whom to nudge.

    Attributes:
        engine: The application's database.
        validator: Twilio's, with the account's token.
        account_sid: The account whose texts are taken.
        public_url: Scheme, host and port as Twilio sees them: signatures are over the public address.
        now: The clock.
        nudge: Queues work; never raises.
        undelivered: Told of a message of ours that did not arrive: its MessageSid, the status, in the transaction.
    """

    engine: Engine
    validator: RequestValidator
    account_sid: str
    public_url: str
    now: Callable[[], datetime]
    nudge: Nudge
    undelivered: Undelivered | None = None


def make_door_app(door: TextDoor) -> Flask:
    """The door as an application of its own, with nothing of the pages around it."""
    app = Flask(__name__, static_folder=None)
    # For bodies that do not say how long they are; the others are refused by their own word.
    app.config["MAX_CONTENT_LENGTH"] = MOST_BODY_BYTES
    app.register_blueprint(make_blueprint(door))

    @app.after_request
    def nothing_to_sniff_or_keep(response: Response) -> Response:
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    return app


def make_blueprint(door: TextDoor) -> Blueprint:
    """`POST /intake/sms` and `POST /intake/sms/status`."""
    blueprint = Blueprint("texts", __name__)

    @blueprint.post("/intake/sms")
    def receive_text() -> Response:
        """Record one text, then answer."""
        raw, pairs = _signed_body(door)
        pictures = media_of(pairs)
        text = _acquisition(door, raw, pairs, pictures)
        fresh = receive_alone(door.engine, text, Belonging(sender=normal_phone(_first(pairs, "From"))))
        if fresh:
            door.nudge(Job.ACCESSION)
            if pictures:
                door.nudge(Job.FETCH_MEDIA, str(fresh))
        return Response(EMPTY_TWIML, mimetype="text/xml")

    @blueprint.post("/intake/sms/status")
    def receive_status() -> Response:
        """Record what became of an answer of ours: a delivery fact, counted by its status."""
        _, pairs = _signed_body(door)
        status = _first(pairs, "MessageStatus").lower()
        with door.engine.begin() as connection:
            count(connection, f"answer_status_{status if status.isalpha() else 'other'}")
            if status in NOT_DELIVERED and door.undelivered:
                door.undelivered(connection, _first(pairs, "MessageSid"), status, at=door.now())
        return Response(status=204)

    @blueprint.errorhandler(SQLAlchemyError)
    def database_away(error: SQLAlchemyError) -> Response:
        """Nothing was recorded: Twilio tries again, then its fallback, then `holdfast reconcile` finds the text."""
        log.warning("texts.database_away", error=type(error).__name__)
        return Response("try again", status=503, headers={"Retry-After": "5"}, mimetype="text/plain")

    return blueprint


def _signed_body(door: TextDoor) -> tuple[bytes, list[tuple[str, str]]]:
    """The body as it came and its fields, once its signature is good; else 403."""
    if (request.content_length or 0) > MOST_BODY_BYTES:
        _refuse(door, "too_large")
    raw = request.get_data(cache=True)  # before .form, which would consume the stream
    try:
        pairs = parse_qsl(raw.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        _refuse(door, "unreadable")
    signature = request.headers.get(SIGNATURE, "")
    if not signature:
        _refuse(door, "unsigned")
    if not door.validator.validate(_public_address(door.public_url), MultiDict(pairs), signature):
        _refuse(door, "bad_signature")
    if not _first(pairs, "MessageSid") or _first(pairs, "AccountSid") != door.account_sid:
        _refuse(door, "not_ours")
    return raw, pairs


def _refuse(door: TextDoor, reason: str) -> NoReturn:
    log.warning("texts.refused", reason=reason)
    try:
        with door.engine.begin() as connection:
            count(connection, f"texts_refused_{reason}")
    except SQLAlchemyError as error:
        log.warning("texts.refusal_not_counted", error=type(error).__name__)
    abort(403)


def _public_address(public_url: str) -> str:
    """The address Twilio signed: our public one, never what a proxy made of it."""
    query = f"?{request.query_string.decode('latin-1')}" if request.query_string else ""
    return f"{public_url.rstrip('/')}{request.path}{query}"


def _acquisition(
    door: TextDoor, raw: bytes, pairs: list[tuple[str, str]], pictures: Sequence[MediaLink]
) -> Acquisition:
    return Acquisition.of(
        raw,
        channel=Channel.SMS,
        source_id=_first(pairs, "MessageSid"),
        at=door.now(),
        media_type=FORM,
        door=_observed(door, pictures),
    )


def _observed(door: TextDoor, pictures: Sequence[MediaLink]) -> Mapping[str, Any]:
    return {
        "headers": [[name, value] for name, value in request.headers if name.lower() not in UNKEPT_HEADERS],
        "media": door_facts(pictures),
        "signature": "good",
        "public_url": _public_address(door.public_url),
    }


def _first(pairs: list[tuple[str, str]], name: str) -> str:
    return next((value for found, value in pairs if found == name), "")
