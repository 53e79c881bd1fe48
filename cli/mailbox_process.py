"""The mailbox process: watches the folder that people forward to."""

from __future__ import annotations

import threading
from functools import partial

from cli import composition
from intake.imap import Mailbox
from intake.mailbox import Pace, Watcher
from intake.mailbox_url import MailboxUrl
from settings import Settings
from workers.queue import make_nudge


def watch(settings: Settings, stop: threading.Event) -> None:
    """Watch until told to stop."""
    url = MailboxUrl.parse(settings.need("imap_url"))
    Watcher(
        url,
        partial(Mailbox.open, url),
        composition.app_engine(settings, pool_size=1),
        make_nudge(settings.need("broker_url")),
        now=composition.now,
        pace=Pace(poll_seconds=settings.imap_poll_seconds),
    ).run(stop)
