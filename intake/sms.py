"""The door for texts: Twilio's webhook.

A text is *received* once its raw request is committed; only then is Twilio thanked. The queue is nudged last and may
fail: the sweep finds what it lost. A request without a good signature leaves nothing behind but a counter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn, Protocol

import structlog
from flask import Blueprint, Flask, Response, abort, request
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import RequestEntityTooLarge

from archive.accession import Belonging, receive_alone
from archive.acquisition import Acquisition, Channel
from archive.delivery import NOT_DELIVERED, Report, note_report
from archive.jobs import Job, Nudge
from archive.marks import count
from intake.addresses import normal_phone
from intake.errors import SignatureRefusedError
from intake.media import MOST_MEDIA, MediaLink, door_facts, media_of
from intake.refusals import note_refusal
from intake.twilio_signature import SIGNATURE, SIGNATURE_SETTINGS, Signatures, Signed, form_fields

EMPTY_TWIML = '<?xml version="1.0" encoding="UTF-8"?><Response></Response>'
FORM = "application/x-www-form-urlencoded"
# A text has at most 1,600 characters; parameters come on top. Far above anything Twilio sends.
MOST_BODY_BYTES = 1024 * 1024
# As Twilio writes ids, and nothing that could be taken for a source id of another door.
_SID = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)
# What could open other doors is not kept with the evidence.
UNKEPT_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization"})


class Undelivered(Protocol):
    """Told of a message of ours that did not arrive, in the transaction that keeps the report."""

    def __call__(self, connection: Connection, provider_id: str, status: str, *, at: datetime) -> object:
        """Note it; why it did not arrive is among the reports."""


log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class TextDoor:
    """What the door needs: who may knock, where texts go, whom to nudge.

    Attributes:
        engine: The application's database.
        signatures: The keys whose signatures are good.
        account_sid: The account whose texts are taken.
        public_url: Scheme, host, port and path prefix as Twilio sees them: signatures are over the public address.
        now: The clock.
        nudge: Queues work; never raises.
        undelivered: Told, once, of a message of ours that did not arrive, in the transaction: its MessageSid, the
            status, and when. Why is in the report, which is kept by then.
    """

    engine: Engine
    signatures: Signatures
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
        form = _signed_form(door)
        text = _acquisition(door, form)
        fresh = receive_alone(door.engine, text, Belonging(sender=normal_phone(form.first("From"))))
        if fresh:
            door.nudge(Job.ACCESSION)
            if text.door["media"] or text.door["stated_media"]:
                door.nudge(Job.FETCH_MEDIA, str(fresh))
        return Response(EMPTY_TWIML, mimetype="text/xml")

    @blueprint.post("/intake/sms/status")
    def receive_status() -> Response:
        """Record what became of a text of ours, in whatever order it is told."""
        form = _signed_form(door)
        said = form.first("MessageStatus") or form.first("SmsStatus")
        report = Report.of(form.sid, said, form.first("ErrorCode"))
        with door.engine.begin() as connection:
            count(connection, f"answer_status_{report.status if report else 'other'}")
            if report is None or not note_report(connection, report, at=door.now()):
                return Response(status=204)
            if report.status in NOT_DELIVERED and door.undelivered:
                door.undelivered(connection, report.message_sid, report.status, at=door.now())
        return Response(status=204)

    @blueprint.errorhandler(SQLAlchemyError)
    def database_away(error: SQLAlchemyError) -> Response:
        """Nothing was recorded: Twilio tries again, then its fallback, then `holdfast reconcile` finds the text."""
        log.warning("texts.database_away", error=type(error).__name__)
        return Response("try again", status=503, headers={"Retry-After": "5"}, mimetype="text/plain")

    return blueprint


@dataclass(frozen=True, slots=True)
class _Form:
    """A form whose signature is good: the body as it came, its fields for reading, and who signed."""

    raw: bytes
    pairs: list[tuple[str, str]]
    signed: Signed

    @property
    def sid(self) -> str:
        return self.first("MessageSid")

    def first(self, name: str) -> str:
        return next((value for found, value in self.pairs if found == name), "")


def _signed_form(door: TextDoor) -> _Form:
    """The body as it came and its fields, once its signature is good; else 403."""
    request.max_content_length = MOST_BODY_BYTES
    try:
        raw = request.get_data(cache=True)  # before .form, which would consume the stream
    except RequestEntityTooLarge:
        _refuse(door, "too_large")
    pairs: list[tuple[str, str]] = []
    try:
        fields = form_fields(raw)
        pairs = [(name.decode("utf-8", "replace"), value.decode("utf-8", "replace")) for name, value in fields]
        given, settings = (request.headers.get(name, "") for name in (SIGNATURE, SIGNATURE_SETTINGS))
        signed = door.signatures.check(_public_address(door.public_url), fields, given, settings)
    except SignatureRefusedError as error:
        _refuse(door, error.reason, claims_us=("AccountSid", door.account_sid) in pairs)
    form = _Form(raw, pairs, signed)
    if form.first("AccountSid") != door.account_sid:
        _refuse(door, "not_ours")
    if not _SID.fullmatch(form.sid):
        _refuse(door, "no_message")
    return form


def _refuse(door: TextDoor, reason: str, *, claims_us: bool = False) -> NoReturn:
    log.warning("texts.refused", reason=reason)
    try:
        with door.engine.begin() as connection:
            note_refusal(connection, reason, claims_us=claims_us, at=door.now())
    except SQLAlchemyError as error:
        log.warning("texts.refusal_not_counted", error=type(error).__name__)
    abort(403)


def _public_address(public_url: str) -> str:
    """The address Twilio signed: our public one, never what a proxy made of it."""
    query = f"?{request.query_string.decode('latin-1')}" if request.query_string else ""
    return f"{public_url.rstrip('/')}{request.path}{query}"


def _acquisition(door: TextDoor, form: _Form) -> Acquisition:
    return Acquisition.of(
        form.raw,
        channel=Channel.SMS,
        source_id=form.sid,
        at=door.now(),
        media_type=FORM,
        door=_observed(door, form, media_of(form.pairs)),
    )


def _observed(door: TextDoor, form: _Form, pictures: Sequence[MediaLink]) -> Mapping[str, Any]:
    return {
        "headers": [[name, value] for name, value in request.headers if name.lower() not in UNKEPT_HEADERS],
        "media": door_facts(pictures),
        "stated_media": _stated_media(form.first("NumMedia")),
        "signature": "good",
        "signed_by": form.signed.by,
        "signature_algorithm": form.signed.algorithm,
        "public_url": _public_address(door.public_url),
    }


def _stated_media(told: str) -> int:
    """How many pictures the text says it has; nought where it says no number."""
    return min(int(told), MOST_MEDIA) if told.isascii() and told.isdigit() and len(told) < len("1000") else 0
