"""What is sent by, and how much: made from settings, for the worker, for pages and for commands alike."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Engine

from cli.composition import now
from intake.addresses import normal_email, normal_phone
from replies.egress import Egress
from replies.link_sending import LinkDesk
from replies.mailing import mail_sender
from replies.policy import Limits
from replies.texting import TWILIO_URL, text_sender
from replies.wall import officers_of, wall_of
from settings import Settings


def egress(settings: Settings, engine: Engine) -> Egress:
    """The only door out, with the carriers that are set and the wall in front of them."""
    texts = None
    if settings.twilio_account_sid and settings.twilio_number:
        texts = text_sender(
            settings.twilio_account_sid,
            settings.need("twilio_auth_token"),
            settings.twilio_number,
            api_url=settings.twilio_api_url or TWILIO_URL,
            status_callback=f"{settings.public_url.rstrip('/')}/intake/sms/status",
        )
    mails = mail_sender(settings.smtp_url, settings.mail_from) if settings.smtp_url else None
    return Egress(texts, mails, wall_of(engine), officers_of(engine))


def link_desk(settings: Settings, engine: Engine) -> LinkDesk:
    """Where personal links are issued and sent."""
    return LinkDesk(engine, settings.public_url, egress(settings, engine), limits(settings), now)


def limits(settings: Settings) -> Limits:
    """How often anybody may be written to, and by which ways at all."""
    own = (normal_phone(settings.twilio_number or ""), normal_email(settings.mail_from))
    return Limits(
        burst=timedelta(seconds=settings.reply_burst_seconds),
        contributor_daily=settings.reply_most_per_day,
        all_daily=settings.reply_most_per_day_in_all,
        questions_daily=settings.question_most_per_day,
        question_open=timedelta(hours=settings.question_hours),
        # Without a carrier an answer is a silence with a reason, not a failure that alarms somebody.
        texts=settings.replies_on and bool(settings.twilio_account_sid and settings.twilio_number),
        mails=settings.replies_on and bool(settings.smtp_url),
        own=frozenset(each for each in own if each),
    )
