"""The worker and beat processes: one Celery application with every task on it."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from celery import Celery

from cli import composition
from intake.addresses import normal_email, normal_phone
from intake.imap import Mailbox
from intake.mailbox_url import MailboxUrl
from intake.twilio_api import TwilioApi
from replies.egress import Egress
from replies.mailing import mail_sender
from replies.policy import Limits
from replies.texting import TWILIO_URL, text_sender
from replies.wall import wall_of
from settings import Settings
from workers.app import PerProcess, make_celery
from workers.queue import make_nudge
from workers.tasks import Tools, register


def make_worker(settings: Settings) -> Celery:
    """The application, with tools that each of its processes builds for itself."""
    app = make_celery(settings.need("broker_url"), concurrency=settings.worker_processes)
    tools = PerProcess(lambda: make_tools(settings))
    register(app, tools, sweep_every=timedelta(seconds=settings.sweep_every_seconds))
    return app


def make_tools(settings: Settings) -> Tools:
    """What the tasks of one process work with."""
    archive = composition.archive(settings)
    return Tools(
        archive=archive,
        nudge=make_nudge(settings.need("broker_url")),
        now=composition.now,
        desk=composition.package_desk(settings, archive),
        egress=_egress(settings, archive.engine),
        limits=_limits(settings),
        open_mailbox=_opener(settings),
        twilio=twilio(settings),
    )


def _egress(settings: Settings, engine: composition.Engine) -> Egress:
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
    return Egress(texts, mails, wall_of(engine))


def _limits(settings: Settings) -> Limits:
    own = (normal_phone(settings.twilio_number or ""), normal_email(settings.mail_from))
    return Limits(
        burst=timedelta(seconds=settings.reply_burst_seconds),
        contact_daily=settings.reply_most_per_day,
        all_daily=settings.reply_most_per_day_in_all,
        # Without a carrier an answer is a silence with a reason, not a failure that alarms somebody.
        texts=settings.replies_on and bool(settings.twilio_account_sid and settings.twilio_number),
        mails=settings.replies_on and bool(settings.smtp_url),
        own=frozenset(each for each in own if each),
    )


def _opener(settings: Settings) -> partial[Mailbox] | None:
    return partial(Mailbox.open, MailboxUrl.parse(settings.imap_url)) if settings.imap_url else None


def twilio(settings: Settings) -> TwilioApi | None:
    """Twilio's REST side, where an account is set."""
    if not settings.twilio_account_sid:
        return None
    return TwilioApi(
        settings.twilio_account_sid,
        settings.need("twilio_auth_token"),
        number=settings.twilio_number,
        api_url=settings.twilio_api_url or TWILIO_URL,
        media_hosts=settings.twilio_media_hosts,
        most_bytes=settings.most_media_bytes,
    )
