"""The mailbox process: watches the folders that people forward to, each by itself."""

from __future__ import annotations

import threading
from functools import partial

from cli import composition
from intake.mailbox import Pace, Watcher
from settings import Settings
from workers.queue import make_nudge


def watch(settings: Settings, stop: threading.Event) -> None:
    """Watch every mailbox until told to stop; one that fails keeps no other waiting."""
    settings.need("imap_url")
    engine = composition.app_engine(settings)
    mailboxes = composition.mailboxes(settings, engine)
    nudge, pace = make_nudge(settings.need("broker_url")), Pace(poll_seconds=settings.imap_poll_seconds)
    threads = []
    for url in mailboxes.urls:
        watcher = Watcher(url, partial(mailboxes.open, url), engine, nudge, now=composition.now, pace=pace)
        threads.append(threading.Thread(target=watcher.run, args=(stop,), name=f"watch-{url.name}"))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    engine.dispose()
