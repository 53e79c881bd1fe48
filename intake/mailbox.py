"""Watch a folder for mail and announce its UIDs. Fetches nothing and changes nothing.

             ┌────────────── PAUSING ◄──────────────┐
             │   1 s, doubling to 1 minute;         │ connection lost, server busy, database away
             │   1 minute, doubling to 15, after a  │ login refused, no such folder (an alert)
             ▼   refusal                            │
 start ─► CONNECTING ──► LOOKING ──► WAITING ───────┤
                            ▲           │           │
                            └───────────┘           └─► end: `stop` is set, noticed in any wait within a second
                  a mail may have come (IDLE),
                  or `poll_seconds` are over

Each mailbox has a watcher of its own: what goes wrong with one is a pause of that one, even a fault of ours.

LOOKING opens the folder anew (so a changed UIDVALIDITY is seen), lists every UID, takes away what the archive knows and
announces the rest in batches. There is no watermark: a mail passed over once is announced at the next look. IDLE is a
wake-up only; each is over after `poll_seconds`, far within the 29 minutes after which servers may hang up (RFC 2177).
One that ends at once and says nothing is a dead connection or a server that does not mean it: never a busy loop.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, repeat
from time import monotonic

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from archive.alerts import raise_alert
from archive.errors import RefusedError, TransientError
from archive.jobs import Job, Nudge
from archive.marks import set_mark
from intake.imap import Mailbox
from intake.locating import MailboxEpoch, known_uids
from intake.mailbox_url import MailboxUrl

SEEN = "mailbox.seen:"
RENEW_SECONDS = 9 * 60.0
# A mail that came between the look and IDLE may be told before we listen: the first wait is short.
FIRST_IDLE_SECONDS = 1.0
BACKLOG_SECONDS = 5.0
# Between two looks, and between two waits that ended without news: a server that chatters costs no more than this.
LEAST_SECONDS = 0.5
LONGEST_AGAIN = timedelta(hours=1)
MOST_DOUBLINGS = 10

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Pace:
    """How often the watcher looks, and what it may ask of the workers.

    Attributes:
        poll_seconds: Longest time between two looks, however quiet the server is; at most 9 minutes.
        again: A UID that is still there after this long is announced again, then after twice as long, up to an hour.
        batch: UIDs in one announcement.
        most_pending: UIDs announced and not gone yet; more wait for the next look.
        lost_pause: First pause in seconds after a lost connection, and the longest.
        refused_pause: The same after a refusal, which a hurried repeat may turn into a locked account.
        away_seconds: Somebody is told of a mailbox that could not be looked at for this long.
    """

    poll_seconds: float = 60.0
    again: timedelta = timedelta(seconds=30)
    batch: int = 50
    most_pending: int = 5000
    lost_pause: tuple[float, float] = (1.0, 60.0)
    refused_pause: tuple[float, float] = (60.0, 900.0)
    away_seconds: float = 900.0


USUAL_PACE = Pace()


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at the folder found: mails there, how many were announced, how many must wait for the next."""

    present: int
    announced: int
    waiting: int


def seen_mark(url: MailboxUrl) -> str:
    """The mark that says when this mailbox was last looked at, and what was found."""
    return f"{SEEN}{url.name}"


class Watcher:
    """Watches one folder until told to stop."""

    def __init__(
        self,
        url: MailboxUrl,
        open_mailbox: Callable[[], Mailbox],
        engine: Engine,
        nudge: Nudge,
        *,
        now: Callable[[], datetime],
        pace: Pace = USUAL_PACE,
    ) -> None:
        self._url, self._open, self._engine, self._nudge = url, open_mailbox, engine, nudge
        self._now, self._pace = now, pace
        self._announced = Announced(pace)
        self._epoch: MailboxEpoch | None = None
        self._failures = 0
        self._alerted = False
        self._looked = monotonic()

    def run(self, stop: threading.Event) -> None:
        """Watch until `stop` is set. Nothing else ends it: what goes wrong is logged, alerted and tried again."""
        while not stop.is_set():
            try:
                self._watch(stop)
            except (TransientError, SQLAlchemyError) as error:
                log.warning("mailbox.lost", error=type(error).__name__)
                if monotonic() - self._looked > self._pace.away_seconds:
                    because = str(error) if isinstance(error, TransientError) else "the database is away"
                    self._alert(f"it could not be looked at for {self._pace.away_seconds / 60:.0f} minutes: {because}")
                self._pause(self._pace.lost_pause, stop)
            except RefusedError as error:
                log.warning("mailbox.refused", error=type(error).__name__)
                self._alert(str(error))
                self._pause(self._pace.refused_pause, stop)
            except Exception as error:
                # The door of the other mailboxes must not close for a fault of ours with this one.
                log.exception("mailbox.fault")
                self._alert(f"a fault of the watcher's own: {type(error).__name__}")
                self._pause(self._pace.refused_pause, stop)

    def _pause(self, bounds: tuple[float, float], stop: threading.Event) -> None:
        first, longest = bounds
        stop.wait(min(longest, first * 2 ** min(self._failures, MOST_DOUBLINGS)))
        self._failures += 1

    def _watch(self, stop: threading.Event) -> None:
        with self._open() as mailbox:
            log.info("mailbox.connected", idle=mailbox.can_idle, move=mailbox.can_move)
            while not stop.is_set():
                found = self.look(mailbox)
                self._alerted, self._looked = False, monotonic()
                self._wait(mailbox, BACKLOG_SECONDS if found.waiting else self._pace.poll_seconds, stop)
                stop.wait(max(0.0, LEAST_SECONDS - (monotonic() - self._looked)))
                # Only now: a server that hangs up on every IDLE is not logged in to every second.
                self._failures = 0

    def look(self, mailbox: Mailbox) -> Look:
        """List the folder and announce what the archive does not know, or what could be put away and is not.

        Raises:
            MailboxUnavailableError: The connection is lost.
            NoSuchMailboxError: The folder is gone.
        """
        folder = mailbox.select()
        epoch = MailboxEpoch(self._url.account, self._url.folder, folder.uidvalidity)
        self._begin(epoch)
        present = mailbox.uids(folder.mails)
        with self._engine.begin() as connection:
            known = known_uids(connection, epoch, present)
            # What is archived and still lies there could not be moved, or a worker died before: it is fetched again,
            # so that only a mail whose bytes are the archived ones is ever moved.
            tidy = folder.writable and mailbox.can_move
            wanted = [uid for uid in present if tidy or uid not in known]
            due, waiting = self._announced.due(wanted, self._now())
            found = Look(len(present), len(due), waiting)
            state = {"mailbox": epoch.prefix, "mails": found.present, "announced": found.announced}
            set_mark(connection, seen_mark(self._url), state, at=self._now())
        for start in range(0, len(due), self._pace.batch):
            batch = due[start : start + self._pace.batch]
            self._nudge(Job.FETCH_MAIL, epoch.account, epoch.mailbox, epoch.uidvalidity, batch)
        if due:
            log.info("mailbox.announced", mails=len(due), waiting=waiting)
        return found

    def _begin(self, epoch: MailboxEpoch) -> None:
        if self._epoch is not None and self._epoch != epoch:
            log.warning("mailbox.uidvalidity_changed", before=self._epoch.uidvalidity, after=epoch.uidvalidity)
            self._announced = Announced(self._pace)
        self._epoch = epoch

    def _wait(self, mailbox: Mailbox, seconds: float, stop: threading.Event) -> None:
        """Until a mail may have come, the time is over or `stop` is set."""
        if not mailbox.can_idle:
            stop.wait(seconds)
            return
        until = monotonic() + seconds
        for longest in chain([FIRST_IDLE_SECONDS], repeat(RENEW_SECONDS)):
            began = monotonic()
            left = until - began
            if stop.is_set() or left <= 0 or mailbox.idle(min(left, longest), stop.is_set):
                return
            stop.wait(max(0.0, min(left, longest, LEAST_SECONDS) - (monotonic() - began)))

    def _alert(self, text: str) -> None:
        """Tell a person, once until it works again: nothing comes in by this door."""
        if self._alerted:
            return
        try:
            with self._engine.begin() as connection:
                raise_alert(connection, "mailbox", at=self._now(), text=f"{self._url.name}: {text}"[:1000])
            self._alerted = True
        except SQLAlchemyError as error:
            log.warning("mailbox.not_alerted", error=type(error).__name__)


class Announced:
    """Which UIDs were announced, when and how often: so that workers are not asked twice for what they are at."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._known: dict[int, tuple[datetime, int]] = {}

    def due(self, wanted: Sequence[int], now: datetime) -> tuple[list[int], int]:
        """Which of the wanted UIDs to announce now, lowest first, and how many must wait for the next look.

        UIDs that are not wanted any more are forgotten.
        """
        self._known = {uid: self._known[uid] for uid in wanted if uid in self._known}
        ripe = [uid for uid in wanted if self._is_ripe(uid, now)]
        pending = len(wanted) - len(ripe)
        due = ripe[: max(0, self._pace.most_pending - pending)]
        for uid in due:
            _, times = self._known.get(uid, (now, 0))
            self._known[uid] = (now, times + 1)
        return due, len(ripe) - len(due)

    def _is_ripe(self, uid: int, now: datetime) -> bool:
        if uid not in self._known:
            return True
        at, times = self._known[uid]
        doubled: timedelta = self._pace.again * 2 ** min(times - 1, MOST_DOUBLINGS)
        return now - at >= min(LONGEST_AGAIN, doubled)
