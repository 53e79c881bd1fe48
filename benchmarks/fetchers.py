"""Mail out of one IMAP server: ours into vault and ledger, against a bare loop and against programs people use.

The programs are taken from the PATH; what is not there is named in the results. Two of them come from PyPI, into an
environment of their own, and two from Debian:

    python3 -m venv /tmp/fetchers && /tmp/fetchers/bin/pip install getmail6==6.20.2 offlineimap==8.0.3
    apt-get install fdm isync
    PATH=$PATH:/tmp/fetchers/bin python -m benchmarks fetchers
"""

from __future__ import annotations

import base64
import hashlib
import multiprocessing
import os
import pwd
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
from botocore.config import Config
from imapclient import IMAPClient
from sqlalchemy import Engine

from archive.database import engine
from benchmarks.result import ROUNDS, Result
from benchmarks.sealing import rest, sealed, wait_for_seals
from cli.composition import now
from cli.local import aws, running_house
from services.ports import free_port
from tests.intake.dovecot import PASSWORD, Dovecot

MAILS = 2000
# Two thousand mails are 99 MB: forty of them hold a picture of one MB.
LARGE_EVERY, LARGE_BYTES, SMALL_BYTES = 50, 1024 * 1024, 16_000
PROCESSES, THREADS, BATCH = 2, 8, 50
LONGEST_SECONDS = 900
CLEAN = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}


@dataclass(frozen=True, slots=True)
class Peer:
    """A program that fetches mail.

    Attributes:
        program: As it is called.
        target: How many times its rate ours should have.
        keeps: What becomes of the bytes.
        command: The command that fetches a user's inbox, from server, user and an empty folder.
    """

    program: str
    target: float
    keeps: str
    command: Callable[[Dovecot, str, Path], list[str]]


def run(folder: Path, mails: int = MAILS) -> list[Result]:
    """Every fetcher in turn, in each round a fresh mailbox with the same mails; the first round is not counted."""
    server = Dovecot()
    settings = {
        **CLEAN,
        "HOLDFAST_REPLIES": "no",
        "HOLDFAST_IMAP_URL": server.url("desk"),
        "HOLDFAST_IMAP_POLL_SECONDS": "1",
    }
    letters = Letters(server, folder / "letters", mails)
    try:
        with running_house(folder / "home", free_port([]), settings) as (_, environment), aws(environment):
            database = engine(environment["HOLDFAST_DATABASE_URL"], pool_size=1)
            try:
                return _compared(letters, environment, database, folder)
            finally:
                database.dispose()
    finally:
        server.close()


def _compared(letters: Letters, environment: dict[str, str], database: Engine, folder: Path) -> list[Result]:
    here = [peer for peer in PEERS if shutil.which(peer.program)]
    rates: dict[str, list[float]] = {name: [] for name in ("ours", "bare", *(peer.program for peer in here))}
    for number in range(ROUNDS + 1):
        found = {"bare": _bare(letters, environment)}
        found |= {peer.program: _by_program(letters, peer, folder / f"{peer.program}{number}") for peer in here}
        found["ours"] = _through_the_house(letters, database)
        for name, rate in found.items():
            rates[name].extend([rate] if number else [])
    missing = ", ".join(peer.program for peer in PEERS if peer not in here) or "none"
    beside: dict[str, Any] = {"mails": letters.mails, "bytes": letters.size_bytes, "not here": missing}
    bare = Result("fetchers: a bare imapclient loop of locked puts", 0.8, rates["ours"], rates["bare"], beside)
    return [bare] + [
        Result(f"fetchers: {peer.program} to Maildir ({peer.keeps})", peer.target, rates["ours"], rates[peer.program])
        for peer in here
    ]


class Letters:
    """The same mails for everybody, written once and linked into each mailbox."""

    def __init__(self, server: Dovecot, folder: Path, mails: int) -> None:
        self.server, self.mails, self.size_bytes, self._folder = server, mails, 0, folder
        folder.mkdir()
        for number in range(mails):
            large = number % LARGE_EVERY == LARGE_EVERY - 1
            raw = _letter(number, LARGE_BYTES if large else SMALL_BYTES)
            self.size_bytes += len(raw)
            (folder / f"{1_700_000_000 + number}.{number:06}.bench").write_bytes(raw)
            os.chown(folder / f"{1_700_000_000 + number}.{number:06}.bench", *server.owner)

    def deliver(self, user: str) -> None:
        """Put all of them into a user's inbox, each complete when it is seen."""
        home = self.server.folder / "mail" / user
        inbox = home / "Maildir"
        for part in (home, inbox, *(inbox / each for each in ("tmp", "new", "cur"))):
            part.mkdir(exist_ok=True)
            os.chown(part, *self.server.owner)
        for path in sorted(self._folder.iterdir()):
            # A name of its own in each round: a Maildir remembers those it had.
            name = f"{path.name}{uuid4().hex[:8]}"
            try:
                os.link(path, inbox / "new" / name)
            except OSError:
                shutil.copyfile(path, inbox / "tmp" / name)
                os.chown(inbox / "tmp" / name, *self.server.owner)
                (inbox / "tmp" / name).rename(inbox / "new" / name)

    def fresh_user(self) -> str:
        """A user whose inbox has them all."""
        user = f"u{uuid4().hex[:10]}"
        self.deliver(user)
        return user


def _letter(number: int, size: int) -> bytes:
    head = f"From: amy@example.org\r\nSubject: {uuid4()} {number}\r\nMessage-ID: <{uuid4()}@example.org>\r\n\r\n"
    return head.encode() + base64.encodebytes(os.urandom(size)).replace(b"\n", b"\r\n")


def _through_the_house(letters: Letters, database: Engine) -> float:
    """From delivery into the watched mailbox until each mail is in the vault and under a signed checkpoint."""
    before = sealed(database)
    begun = time.perf_counter()
    letters.deliver("desk")
    wait_for_seals(database, before + letters.mails, longest_seconds=LONGEST_SECONDS)
    rate = letters.mails / (time.perf_counter() - begun)
    rest(database, longest_seconds=LONGEST_SECONDS)
    return rate


def _bare(letters: Letters, environment: dict[str, str]) -> float:
    """A loop as anybody writes it: fetch a batch, put each mail, locked; as many processes and threads as ours."""
    port, user = letters.server.port, letters.fresh_user()
    with IMAPClient("127.0.0.1", port, ssl=False) as client:
        client.login(user, PASSWORD)
        client.select_folder("INBOX", readonly=True)
        uids = client.search("ALL")
    where = environment["HOLDFAST_S3_ENDPOINT_URL"], environment["HOLDFAST_S3_BUCKET"], port, user
    shares = [(*where, uids[number::PROCESSES]) for number in range(PROCESSES)]
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
        pool.map(_fetch_and_put, [(*where, uids[:1])] * PROCESSES)  # imports and connections are not what is measured
        begun = time.perf_counter()
        done = sum(pool.map(_fetch_and_put, shares, chunksize=1))
        rate = letters.mails / (time.perf_counter() - begun)
    if done != letters.mails:
        raise RuntimeError(f"the bare loop put {done} of {letters.mails} mails")
    return rate


def _fetch_and_put(job: tuple[str, str, int, str, Sequence[int]]) -> int:
    url, bucket, port, user, uids = job
    config = Config(s3={"addressing_style": "path"}, max_pool_connections=THREADS)
    s3 = boto3.client("s3", endpoint_url=url, region_name="us-east-1", config=config)

    def put(raw: bytes) -> None:
        s3.put_object(
            Bucket=bucket,
            Key=f"bare/{uuid4()}",
            Body=raw,
            ChecksumSHA256=base64.b64encode(hashlib.sha256(raw).digest()).decode(),
            IfNoneMatch="*",
            ObjectLockMode="COMPLIANCE",
            ObjectLockRetainUntilDate=now() + timedelta(days=1),
        )

    done = 0
    with ThreadPoolExecutor(THREADS) as threads, IMAPClient("127.0.0.1", port, ssl=False) as client:
        client.login(user, PASSWORD)
        client.select_folder("INBOX", readonly=True)
        for start in range(0, len(uids), BATCH):
            answer = client.fetch(list(uids[start : start + BATCH]), ["BODY.PEEK[]", "INTERNALDATE", "FLAGS"])
            done += len(list(threads.map(put, [data[b"BODY[]"] for data in answer.values()])))
    return done


def _by_program(letters: Letters, peer: Peer, folder: Path) -> float:
    user = letters.fresh_user()
    folder.mkdir()
    command = peer.command(letters.server, user, folder)
    begun = time.perf_counter()
    with (folder / "output").open("wb") as output:
        ended = subprocess.run(
            command,
            env={**os.environ, "HOME": str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            timeout=LONGEST_SECONDS,
            check=False,
        )
    rate = letters.mails / (time.perf_counter() - begun)
    got = sum(1 for part in ("new", "cur") for _ in folder.glob(f"mail/**/{part}/*"))
    if got != letters.mails:
        said = (folder / "output").read_text(errors="replace")[-500:]
        raise RuntimeError(f"{peer.program} ended with {ended.returncode} and {got} of {letters.mails} mails: {said}")
    with suppress(OSError):
        shutil.rmtree(folder / "mail")
    return rate


def _maildir(server: Dovecot, folder: Path) -> Path:
    """A Maildir of whoever mail belongs to: run by root, some programs deliver as somebody else alone."""
    folder.chmod(0o711)
    inbox = folder / "mail" / "INBOX"
    for part in ("tmp", "new", "cur"):
        (inbox / part).mkdir(parents=True)
        os.chown(inbox / part, *server.owner)
    os.chown(inbox, *server.owner)
    return inbox


def _owner(server: Dovecot) -> str:
    return pwd.getpwuid(server.owner[0]).pw_name


def _written(path: Path, words: str) -> Path:
    path.write_text(words)
    path.chmod(0o600)
    return path


def _getmail(server: Dovecot, user: str, folder: Path) -> list[str]:
    user_line = "" if os.getuid() else f"user = {_owner(server)}\n"
    words = (
        "[retriever]\ntype = SimpleIMAPRetriever\nserver = 127.0.0.1\n"
        f'port = {server.port}\nusername = {user}\npassword = {PASSWORD}\nmailboxes = ("INBOX",)\n'
        f"[destination]\ntype = Maildir\npath = {_maildir(server, folder)}/\n{user_line}"
        "[options]\nread_all = true\ndelete = false\nverbose = 0\n"
    )
    return ["getmail", f"--getmaildir={folder}", f"--rcfile={_written(folder / 'getmailrc', words)}"]


def _offlineimap(server: Dovecot, user: str, folder: Path) -> list[str]:
    words = (
        f"[general]\nmetadata = {folder}/state\naccounts = a\nfsync = true\nsocktimeout = 60\n"
        "[Account a]\nlocalrepository = l\nremoterepository = r\n"
        f"[Repository l]\ntype = Maildir\nlocalfolders = {folder}/mail\n"
        f"[Repository r]\ntype = IMAP\nremotehost = 127.0.0.1\nremoteport = {server.port}\nremoteuser = {user}\n"
        f"remotepass = {PASSWORD}\nssl = no\nstarttls = no\nauth_mechanisms = LOGIN, PLAIN\nreadonly = true\n"
        "folderfilter = lambda name: name == 'INBOX'\n"
    )
    (folder / "mail").mkdir()
    return ["offlineimap", "-o", "-u", "quiet", "-c", str(_written(folder / "offlineimaprc", words))]


def _fdm(server: Dovecot, user: str, folder: Path) -> list[str]:
    words = (
        f'set lock-file "{folder}/mail/lock"\nset no-received\nset no-create\n'
        f'action "keep" maildir "{_maildir(server, folder)}"\n'
        f'account "a" imap server "127.0.0.1" port {server.port} user "{user}" pass "{PASSWORD}" folder "INBOX" keep\n'
        'match all action "keep"\n'
    )
    configuration = _written(folder / "fdm.conf", words)
    for path in (folder / "mail", configuration):
        os.chown(path, *server.owner)
    uid, gid = server.owner
    # Run by root it wants a user of its own, which only its package makes.
    somebody = [] if os.getuid() else ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups"]
    return [*somebody, "fdm", "-f", str(configuration), "fetch"]


def _mbsync(server: Dovecot, user: str, folder: Path) -> list[str]:
    (folder / "mail").mkdir()
    words = (
        f"FSync yes\n\nIMAPAccount a\nHost 127.0.0.1\nPort {server.port}\nUser {user}\n"
        f'Pass "{PASSWORD}"\nSSLType None\nAuthMechs LOGIN\n\nIMAPStore far\nAccount a\n\n'
        f"MaildirStore near\nPath {folder}/mail/\nInbox {folder}/mail/INBOX\n\n"
        "Channel c\nFar :far:\nNear :near:\nPatterns INBOX\nSync Pull\nCreate Near\nExpunge None\nSyncState *\n"
    )
    return ["mbsync", "-q", "-c", str(_written(folder / "mbsyncrc", words)), "-a"]


PEERS = (
    Peer("getmail", 3.0, "refolds headers and adds its own", _getmail),
    Peer("offlineimap", 3.0, "changes line ends", _offlineimap),
    # The ratios to these two are stated; ahead of the first is aimed at.
    Peer("fdm", 1.0, "changes line ends", _fdm),
    Peer("mbsync", 0.0, "adds a header; with fsync", _mbsync),
)
