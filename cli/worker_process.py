"""The worker and beat processes: one Celery application with every task on it."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from celery import Celery
from sqlalchemy import Engine

from archive.accession import Archive
from archive.marks import count
from cli import carriers, composition, keepers
from intake.reconciling import Sources
from intake.twilio_api import TwilioApi
from replies.texting import TWILIO_URL
from settings import Settings
from workers.app import PerProcess, make_celery
from workers.authenticity import Judging, register_judging
from workers.completeness import Completeness, register_completeness
from workers.exports import Exports, export_taker, register_exports
from workers.keeping import Keeping, register_keeping
from workers.queue import make_nudge
from workers.stamps import Stamping, register_stamping
from workers.tasks import Tools, register
from workers.witnesses import register_witnessing


def make_worker(settings: Settings) -> Celery:
    """The application, with tools that each of its processes builds for itself."""
    app = make_celery(settings.need("broker_url"), concurrency=settings.worker_processes)
    tools = PerProcess(lambda: make_tools(settings))
    app.noted = partial(_count, tools)
    register(app, tools, sweep_every=timedelta(seconds=settings.sweep_every_seconds))
    register_keeping(
        app,
        PerProcess(lambda: make_keeping(settings, tools().archive)),
        publish_every=timedelta(seconds=settings.publish_every_seconds),
    )
    if settings.witness_urls:
        register_witnessing(
            app,
            PerProcess(lambda: composition.collector(settings, tools().archive.engine)),
            collect_every=timedelta(seconds=settings.witness_every_seconds),
        )
    register_completeness(
        app, PerProcess(lambda: make_completeness(settings, tools())), after_archiving=settings.twilio_after_archiving
    )
    register_judging(app, PerProcess(lambda: make_judging(settings, tools())))
    register_exports(app, PerProcess(lambda: make_exports(tools())))
    register_stamping(app, PerProcess(lambda: make_stamping(settings, tools())))
    return app


def _count(tools: PerProcess[Tools], counter: str) -> None:
    with tools().archive.engine.begin() as connection:
        count(connection, counter)


def make_stamping(settings: Settings, tools: Tools) -> Stamping:
    """What the tasks that get timestamp tokens work with."""
    return Stamping(composition.stamper(settings, tools.archive.engine), tools.nudge)


def make_completeness(settings: Settings, tools: Tools) -> Completeness:
    """What the tasks that compare sources with the archive work with."""
    compared = Sources(tools.twilio, settings.twilio_account_sid or "", tools.mailboxes)
    return Completeness(tools.archive, compared, settings.twilio_after_archiving, composition.now)


def make_exports(tools: Tools) -> Exports:
    """What the tasks that take exports apart work with."""
    return Exports(export_taker(tools.archive, now=tools.now), tools.nudge)


def make_judging(settings: Settings, tools: Tools) -> Judging:
    """What the tasks that judge authenticity work with."""
    return Judging(composition.judge(settings, tools.archive), tools.nudge)


def make_keeping(settings: Settings, made: Archive) -> Keeping:
    """What the tasks that keep the vault complete work with."""
    return Keeping(
        publisher=keepers.publisher(settings, made),
        dumper=keepers.dumper(settings, made),
        locks=keepers.locks(made),
        auditor=keepers.auditor(settings, made),
    )


def make_tools(settings: Settings) -> Tools:
    """What the tasks of one process work with."""
    archive = composition.archive(settings)
    return Tools(
        archive=archive,
        nudge=make_nudge(settings.need("broker_url")),
        now=composition.now,
        desk=composition.package_desk(settings, archive),
        egress=carriers.egress(settings, archive.engine),
        limits=carriers.limits(settings),
        mailboxes=composition.mailboxes(settings, archive.engine),
        twilio=twilio(settings),
        receipts=composition.receipts(settings),
        signals=composition.signals(settings),
        alerts_every=timedelta(minutes=settings.alert_mail_minutes),
    )


def sources(settings: Settings, database: Engine) -> Sources:
    """Where messages come from, to be compared with the archive."""
    return Sources(twilio(settings), settings.twilio_account_sid or "", composition.mailboxes(settings, database))


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
        media_types=settings.twilio_media_types,
    )
