"""Twilio's list of known texts held against the archive, against merely paging through the same list.

The list is served from memory by a process of its own, a thousand messages a page, each as long as Twilio writes them.
Beside the ratio: how long the whole comparison took, and the same of a mailbox's UIDs, all known.
"""

from __future__ import annotations

import json
import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from statistics import median
from typing import Any

import requests
from sqlalchemy import Engine, text

from archive.database import engine
from benchmarks.result import Result, in_turns
from cli import composition
from cli.local import aws, house_environment, prepare
from intake.locating import MailboxEpoch, known_uids
from intake.text_reconciling import STATED_WINDOW, compared, reconcile_texts
from intake.twilio_api import TwilioApi
from services.embedded import embedded
from settings import Settings

TARGET = 0.3
SIZE = 100_000
PAGE = 1000
ACCOUNT, NUMBER = "AC" + "0" * 32, "+447700900100"
EPOCH = MailboxEpoch("desk@force.example@imap.force.example", "INBOX", 17)
KNOWN = """
INSERT INTO acquisition (
  id, channel, source_id, received_at, delivered_at, sha256, sha512, size_bytes, media_type, door, state, attempts)
SELECT
  gen_random_uuid(), CAST(:channel AS text), CAST(:prefix AS text) || number, now(), now(),
  repeat('0', 64), repeat('0', 128), 300, 'x/y', '{}', 'archived', 0
FROM generate_series(1, :size) AS number
"""


def run(folder: Path, size: int = SIZE) -> list[Result]:
    """Messages per second, every one of them known."""
    with embedded(folder / "home", only=["postgres", "seaweedfs"], environ={}) as parts, _twilio(size) as url:
        environment = house_environment(parts, None, {})
        with aws(environment):
            prepare(environment)
        _make_known(environment["HOLDFAST_DATABASE_OWNER_URL"], size)
        app = composition.app_engine(Settings.from_environment(environment))
        api = TwilioApi(ACCOUNT, "token", number=NUMBER, api_url=url)
        try:
            ours, baseline = in_turns(lambda: _reconciled(app, api, size), lambda: _paged(url, size))
            mailbox = _mailbox_seconds(app, size)
        finally:
            api.close()
            app.dispose()
    beside = {"seconds": round(size / median(ours), 2), "seconds_for_as_many_uids": round(mailbox, 2)}
    return [Result(f"reconcile: {size} known texts", TARGET, ours, baseline, beside)]


def _make_known(owner_url: str, size: int) -> None:
    owner = engine(owner_url, pool_size=1, statement_timeout_seconds=600)
    with owner.begin() as connection:
        connection.execute(text(KNOWN), {"channel": "sms", "prefix": "SM", "size": size})
        connection.execute(text(KNOWN), {"channel": "email", "prefix": EPOCH.prefix, "size": size})
    with owner.begin() as connection:
        connection.execute(text("ANALYZE acquisition"))
    owner.dispose()


def _reconciled(app: Engine, api: TwilioApi, size: int) -> float:
    begun = time.perf_counter()
    found = reconcile_texts(app, api, now=composition.now, window=STATED_WINDOW)
    with app.connect() as connection:
        stated = compared(connection, found, account_sid=ACCOUNT)
    assert (stated.seen, stated.archived, stated.unexplained) == (size, size, ()), stated
    return size / (time.perf_counter() - begun)


def _paged(url: str, size: int) -> float:
    begun, seen = time.perf_counter(), 0
    path: str | None = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json?PageSize={PAGE}"
    with requests.Session() as session:
        while path:
            document = json.loads(session.get(f"{url}{path}", auth=(ACCOUNT, "token"), timeout=60).content)
            seen += len(document["messages"])
            path = document["next_page_uri"]
    assert seen == size, seen
    return size / (time.perf_counter() - begun)


def _mailbox_seconds(app: Engine, size: int) -> float:
    begun = time.perf_counter()
    with app.connect() as connection:
        assert len(known_uids(connection, EPOCH, range(1, size + 1))) == size
    return time.perf_counter() - begun


@contextmanager
def _twilio(size: int) -> Iterator[str]:
    """A process that has the whole list ready, page by page."""
    context = multiprocessing.get_context("fork")
    told, tell = context.Pipe(duplex=False)
    server = context.Process(target=_serve, args=(size, tell), daemon=True)
    server.start()
    yield told.recv()
    server.terminate()
    server.join()


def _serve(size: int, tell: Pipe) -> None:
    pages = [_page(start, min(start + PAGE, size), size) for start in range(0, size, PAGE)]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            number = self.path.partition("Page=")[2].partition("&")[0]
            body = pages[int(number) if "?Page=" in self.path else 0]
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    tell.send(f"http://127.0.0.1:{server.server_port}")
    server.serve_forever()


def _page(start: int, until: int, size: int) -> bytes:
    path = f"/2010-04-01/Accounts/{ACCOUNT}/Messages"
    document = {
        "messages": [_message(path, number) for number in range(start + 1, until + 1)],
        "page": start // PAGE,
        "page_size": PAGE,
        "next_page_uri": f"{path}.json?Page={until // PAGE}" if until < size else None,
    }
    return json.dumps(document).encode()


def _message(path: str, number: int) -> dict[str, Any]:
    sid, at = f"SM{number}", format_datetime(datetime.now(UTC) - timedelta(hours=1))
    return {
        "sid": sid, "account_sid": ACCOUNT, "api_version": "2010-04-01", "body": "I know where you are " * 4,
        "date_created": at, "date_sent": at, "date_updated": at, "direction": "inbound", "error_code": None,
        "error_message": None, "from": "+447700900001", "to": NUMBER, "messaging_service_sid": None, "num_media": "0",
        "num_segments": "1", "price": None, "price_unit": "USD", "status": "received", "uri": f"{path}/{sid}.json",
        "subresource_uris": {"media": f"{path}/{sid}/Media.json", "feedback": f"{path}/{sid}/Feedback.json"},
    }  # fmt: skip
