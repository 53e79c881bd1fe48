"""Texts and mails through door, vault and ledger against a bare loop of locked puts of the same bytes."""

from __future__ import annotations

import base64
import hashlib
import multiprocessing
import os
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import count
from pathlib import Path
from uuid import uuid4

import boto3
from botocore.config import Config
from sqlalchemy import Engine

from archive.database import engine
from benchmarks.load import post_all, signed_texts
from benchmarks.result import Result, in_turns
from benchmarks.sealing import rest, sealed, wait_for_seals
from cli.composition import now
from cli.local import aws, running_house
from services.ports import free_port
from tests.intake.dovecot import Dovecot

TARGET = 0.7
PROCESSES, THREADS = 2, 8
TEXTS = 3000
MAILS, MAIL_BYTES = 1000, 20_000
CLEAN = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}


def run(folder: Path) -> list[Result]:
    """The whole house at work: web, worker, sequencer, mailbox, beat; from the first knock to the last leaf."""
    server = Dovecot()
    quiet = {
        **CLEAN,
        "HOLDFAST_REPLIES": "no",
        "HOLDFAST_IMAP_URL": server.url("desk"),
        "HOLDFAST_IMAP_POLL_SECONDS": "1",
    }
    try:
        with running_house(folder / "home", free_port([]), quiet) as (_, environment), aws(environment):
            database = engine(environment["HOLDFAST_DATABASE_URL"], pool_size=1)
            try:
                return [_texts(environment, database), _mails(environment, database, server)]
            finally:
                database.dispose()
    finally:
        server.close()


def _texts(environment: dict[str, str], database: Engine) -> Result:
    numbers = count(step=TEXTS)
    url, account = environment["HOLDFAST_PUBLIC_URL"], environment["HOLDFAST_TWILIO_ACCOUNT_SID"]

    def through_the_house() -> float:
        requests = signed_texts(
            url, url, account, environment["HOLDFAST_TWILIO_AUTH_TOKEN"], next(numbers), TEXTS, "+447700900001"
        )
        before = sealed(database)
        begun = time.perf_counter()
        post_all(url, requests, THREADS)
        wait_for_seals(database, before + TEXTS)
        rate = TEXTS / (time.perf_counter() - begun)
        rest(database)
        return rate

    ours, baseline = in_turns(through_the_house, lambda: bare_puts(environment, 300, TEXTS))
    return Result("accession: texts through door, vault and ledger", TARGET, ours, baseline)


def _mails(environment: dict[str, str], database: Engine, server: Dovecot) -> Result:
    def through_the_house() -> float:
        before = sealed(database)
        _deliver(server)
        begun = time.perf_counter()
        wait_for_seals(database, before + MAILS)
        rate = MAILS / (time.perf_counter() - begun)
        rest(database)
        return rate

    ours, baseline = in_turns(through_the_house, lambda: bare_puts(environment, MAIL_BYTES, MAILS))
    return Result("accession: mails through mailbox, vault and ledger", TARGET, ours, baseline)


def _deliver(server: Dovecot) -> None:
    """Drop all mails into the watched folder at once, as a night's mail lies there in the morning."""
    for number in range(MAILS):
        head = f"From: amy@example.org\r\nSubject: {uuid4()} {number}\r\n\r\n".encode()
        body = base64.encodebytes(os.urandom(MAIL_BYTES * 3 // 4)).replace(b"\n", b"\r\n")
        server.drop("desk", head + body, name=f"{uuid4()}.mail")


def bare_puts(environment: dict[str, str], size: int, many: int) -> float:
    """Locked puts per second from two processes of eight threads each, as the worker has them."""
    context = multiprocessing.get_context("spawn")
    each = many // PROCESSES
    with context.Pool(PROCESSES) as pool:
        jobs = [(environment["HOLDFAST_S3_ENDPOINT_URL"], environment["HOLDFAST_S3_BUCKET"], size, 16)] * PROCESSES
        pool.map(_put_many, jobs)  # imports and connections are not what is measured
        jobs = [(url, bucket, size, each) for url, bucket, size, _ in jobs]
        begun = time.perf_counter()
        pool.map(_put_many, jobs, chunksize=1)
        return each * PROCESSES / (time.perf_counter() - begun)


_clients: dict[str, object] = {}


def _put_many(job: tuple[str, str, int, int]) -> None:
    url, bucket, size, many = job
    if url not in _clients:
        # As boto3 comes, but for connections enough: nobody who writes a bare loop tunes it.
        config = Config(s3={"addressing_style": "path"}, max_pool_connections=THREADS)
        _clients[url] = boto3.client("s3", endpoint_url=url, region_name="us-east-1", config=config)
    client = _clients[url]

    def put(_number: int) -> None:
        body = os.urandom(size)
        client.put_object(  # type: ignore[attr-defined]
            Bucket=bucket,
            Key=f"bare/{uuid4()}",
            Body=body,
            ChecksumSHA256=base64.b64encode(hashlib.sha256(body).digest()).decode(),
            IfNoneMatch="*",
            ObjectLockMode="COMPLIANCE",
            ObjectLockRetainUntilDate=now() + timedelta(days=1),
        )

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(put, range(many)))
