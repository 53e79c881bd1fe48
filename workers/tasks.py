"""The tasks: ids in, one room called, ids out to the next. Each may run twice; none decides anything itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from celery import Celery

from archive.accession import Archive
from archive.agreed_words import Signals
from archive.jobs import Job, Nudge
from archive.marks import record_vault_test
from archive.package_desk import PackageDesk
from archive.worm import self_test
from intake.drafts import give_up_ended
from intake.fetching import fetch_batch
from intake.locating import MailboxEpoch
from intake.mailboxes import Mailboxes
from intake.media import fetch_media
from intake.receipts import Receipts
from intake.sweep import missed
from intake.text_reconciling import reconcile_texts
from intake.twilio_api import TwilioApi
from intake.upload import tidy
from replies.alerting import mail_alerts
from replies.deciding import decide_for
from replies.delivery import note_missed
from replies.egress import Egress
from replies.policy import Limits
from replies.reminding import remind
from replies.sending import send_due, send_one
from timeline.readings import read_exhibit
from workers.app import TRANSIENT, every
from workers.queue import crowded, queue_of

SWEEP_AT_ONCE = 500
# Small: a worker that has begun a message ends it before it looks whether evidence waits.
READ_AT_ONCE = 4
DAY = timedelta(days=1)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Tools:
    """What the tasks of one process work with."""

    archive: Archive
    nudge: Nudge
    now: Callable[[], datetime]
    desk: PackageDesk
    egress: Egress
    limits: Limits
    mailboxes: Mailboxes
    twilio: TwilioApi | None
    receipts: Receipts
    signals: Signals
    alerts_every: timedelta = timedelta(minutes=15)


def register(app: Celery, tools: Callable[[], Tools], *, sweep_every: timedelta) -> None:
    """Put every task on the application, and those that run by the clock on its schedule.

    Args:
        app: From `workers.app.make_celery`.
        tools: Builds what a process needs, once in each.
        sweep_every: How often the sweep looks for what the queue lost.
    """
    _register_evidence(app, tools)
    _register_doors(app, tools)
    _register_personal(app, tools)
    _register_answers(app, tools)
    _register_care(app, tools)
    every(app, "sweep", Job.SWEEP, sweep_every)
    every(app, "answers", "replies.send_due", timedelta(seconds=2))
    every(app, "alerts", "replies.mail_alerts", timedelta(seconds=10))
    every(app, "reviews", "replies.remind", timedelta(hours=1))
    every(app, "reconcile-texts", "intake.reconcile_texts", timedelta(minutes=5))
    every(app, "uploads", "intake.tidy_uploads", timedelta(minutes=1))
    every(app, "drafts", "intake.give_up_drafts", timedelta(minutes=1))
    every(app, "vault-test", "archive.test_vault", DAY)


def _register_evidence(app: Celery, tools: Callable[[], Tools]) -> None:
    @app.task(name=Job.ACCESSION.value)
    def accession() -> None:
        """Archive everything that waits, oldest first (docs/decisions/0005)."""
        work = tools()
        while done := work.archive.accession_waiting(now=work.now()):
            _announce(work, done)

    @app.task(name=Job.READ.value)
    def read(*exhibit_ids: str) -> None:
        """Read some exhibits, and decide for each whether it is answered. One that cannot be read now waits."""
        work = tools()
        waits: Exception | None = None
        for exhibit_id in exhibit_ids:
            try:
                read_exhibit(work.archive.engine, work.archive.vault, UUID(exhibit_id), now=work.now)
                _decide(work, exhibit_id)
            except TRANSIENT as error:
                waits = error
            except Exception:
                # The sweep asks again for this one; the others must not wait for it.
                log.exception("read.failed", exhibit_id=exhibit_id)
        work.nudge(Job.JUDGE, *exhibit_ids)
        if waits:
            raise waits

    @app.task(name=Job.BUILD_PACKAGE.value)
    def build_package(request_id: str) -> None:
        """Build a package that was asked for."""
        tools().desk.build(UUID(request_id))


def _register_doors(app: Celery, tools: Callable[[], Tools]) -> None:
    @app.task(name=Job.FETCH_MAIL.value)
    def fetch_mail(account: str, mailbox: str, uidvalidity: int, uids: list[int]) -> None:
        """Fetch announced mails, archive them, move them out of the folder."""
        work = tools()
        epoch = MailboxEpoch(account, mailbox, uidvalidity)
        opener = work.mailboxes.opener(account, mailbox)
        _announce(work, fetch_batch(opener, work.archive, epoch, uids, now=work.now).archived)

    @app.task(name=Job.FETCH_MEDIA.value)
    def fetch_text_media(acquisition_id: str) -> None:
        """Fetch the pictures of one text."""
        work = tools()
        if work.twilio is None:
            log.warning("fetch_media.no_account")
            return
        for _ in fetch_media(work.archive.engine, work.twilio, UUID(acquisition_id), now=work.now):
            work.nudge(Job.ACCESSION)

    @app.task(name="intake.reconcile_texts")
    def reconcile() -> None:
        """Take in texts whose webhook never reached us."""
        work = tools()
        if work.twilio is not None and reconcile_texts(work.archive.engine, work.twilio, now=work.now).taken:
            work.nudge(Job.ACCESSION)

    @app.task(name="intake.tidy_uploads")
    def tidy_uploads() -> None:
        """Finish uploads that are whole and were never asked for again; give up those left alone for a week."""
        work = tools()
        if tidy(work.archive.engine, work.receipts, now=work.now):
            work.nudge(Job.ACCESSION)


def _register_personal(app: Celery, tools: Callable[[], Tools]) -> None:
    @app.task(name="intake.give_up_drafts")
    def give_up_drafts() -> None:
        """Receive what was written on personal pages and not sent when the visit ended, as it stands."""
        work = tools()
        with work.archive.engine.begin() as connection:
            received = give_up_ended(connection, now=work.now())
        if received:
            work.nudge(Job.ACCESSION)


def _register_answers(app: Celery, tools: Callable[[], Tools]) -> None:
    @app.task(name=Job.DECIDE_REPLY.value)
    def decide_reply(exhibit_id: str) -> None:
        """Decide whether one exhibit is answered."""
        _decide(tools(), exhibit_id)

    @app.task(name=Job.SEND_REPLY.value)
    def send_reply(reply_id: str) -> None:
        """Send one planned answer, if it is due and may still go."""
        work = tools()
        send_one(
            work.archive.engine,
            work.egress,
            UUID(reply_id),
            vault=work.archive.vault,
            now=work.now,
            limits=work.limits,
        )

    @app.task(name="replies.send_due")
    def send_all_due() -> None:
        """Send whatever is due, give up attempts nobody came back from, and note what was told of them too early."""
        work = tools()
        with work.archive.engine.begin() as connection:
            note_missed(connection, at=work.now())
        send_due(work.archive.engine, work.egress, vault=work.archive.vault, now=work.now, limits=work.limits)

    @app.task(name="replies.mail_alerts")
    def mail_officers() -> None:
        """Tell officers by mail that something waits for them."""
        work = tools()
        mail_alerts(work.archive.engine, work.egress, now=work.now, every=work.alerts_every)

    @app.task(name="replies.remind")
    def remind_officers() -> None:
        """Remind officers of agreements whose day of review is near or past."""
        work = tools()
        with work.archive.engine.begin() as connection:
            remind(connection, now=work.now())


def _register_care(app: Celery, tools: Callable[[], Tools]) -> None:
    @app.task(name=Job.SWEEP.value)
    def sweep() -> None:
        """Ask again for everything the database says is waiting, but for what a long queue holds already."""
        work = tools()
        with work.archive.engine.connect() as connection:
            waiting = missed(connection, now=work.now(), most=SWEEP_AT_ONCE)
        behind = crowded(app) if waiting else frozenset()
        for job, ids in waiting:
            if queue_of(job) not in behind:
                work.nudge(job, *ids)

    @app.task(name="archive.test_vault")
    def test_vault() -> None:
        """Try every act the vault must refuse; a vault that accepts one gets no more evidence."""
        work = tools()
        trials = self_test(work.archive.vault, now=work.now())
        with work.archive.engine.begin() as connection:
            bucket = work.archive.vault.bucket
            record_vault_test(connection, trials, bucket=bucket, at=work.now(), actor="system:beat")


def _announce(work: Tools, exhibits: Sequence[Any]) -> None:
    """What was archived is read next, some at a time: a message each would cost more than the reading's share."""
    ids = [str(each) for each in exhibits]
    for start in range(0, len(ids), READ_AT_ONCE):
        work.nudge(Job.READ, *ids[start : start + READ_AT_ONCE])


def _decide(work: Tools, exhibit_id: str) -> None:
    with work.archive.engine.begin() as connection:
        decide_for(
            connection,
            UUID(exhibit_id),
            vault=work.archive.vault,
            now=work.now(),
            limits=work.limits,
            signals=work.signals,
        )
