"""Promise 2: the quick way into the vault stores what the client's own way stores, and gives way to it whenever in doubt."""

import hashlib
import http.server
import threading
from datetime import timedelta
from uuid import uuid4

import pytest

from archive.errors import OverwrittenError, VaultUnavailableError
from archive.quick_put import MOST_BYTES, quick_put
from archive.vault import Vault, open_vault, s3_client
from cli.composition import now

METADATA = {"acquisition": "6b1f3f0e", "channel": "sms", "received-at": "2026-11-23T12:00:00.000Z"}
SHA256 = hashlib.sha256(b"bytes").hexdigest()
TOLD = ("ContentLength", "ContentType", "Metadata", "ObjectLockMode", "ObjectLockRetainUntilDate", "ChecksumSHA256")


@pytest.fixture
def vault(installation):
    assert installation.vault._quick is not None, "this server is reached the quick way"
    return installation.vault


@pytest.fixture
def credentials(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "some-key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "its-secret")


def put(vault, key, body, until):
    digest = hashlib.sha256(body).hexdigest()
    return vault.put(key, body, size_bytes=len(body), sha256=digest, retain_until=until, metadata=METADATA)


def told_of(vault, stored):
    head = vault.client.head_object(
        Bucket=vault.bucket, Key=stored.key, VersionId=stored.version, ChecksumMode="ENABLED"
    )
    return {name: head.get(name) for name in TOLD}


@pytest.mark.parametrize("body", [b"", b"x", bytes(range(256)) * 80, b"a" * MOST_BYTES], ids=len)
def test_both_ways_store_the_same_object_under_the_same_lock(vault, body):
    until = now() + timedelta(hours=1)
    quickly = put(vault, f"tests/{uuid4()}", body, until)
    slowly = put(Vault(vault.client, vault.bucket), f"tests/{uuid4()}", body, until)
    assert told_of(vault, quickly) == told_of(vault, slowly)
    assert vault.read(quickly.key, quickly.version, sha256=hashlib.sha256(body).hexdigest()) == body
    assert (quickly.retain_until, quickly.metadata) == (slowly.retain_until, slowly.metadata)


@pytest.mark.parametrize("name", ["plain", "a b", "ä", "100%", "a+b=c&d", "~tilde", "dots.and-dashes_"])
def test_a_key_is_one_key_by_both_ways(vault, name):
    key = f"tests/{uuid4()}/{name}"
    stored = put(vault, key, b"bytes", now() + timedelta(hours=1))
    assert vault.look(key, None).version == stored.version


def test_a_repeat_finds_the_first_object_and_other_bytes_are_refused(vault):
    key, until = f"tests/{uuid4()}", now() + timedelta(hours=1)
    first = put(vault, key, b"bytes", until)
    assert put(vault, key, b"bytes", until).version == first.version
    with pytest.raises(OverwrittenError):
        put(vault, key, b"other bytes", until)


def test_the_server_refuses_bytes_that_are_not_those_of_the_digest(vault):
    """Signature and checksum are of the digest that the ledger will hold, not of whatever is sent."""
    key, until = f"tests/{uuid4()}", now() + timedelta(hours=1)
    assert vault._put_quickly(vault._quick, key, b"other bytes", SHA256, until, METADATA) is None
    with pytest.raises(VaultUnavailableError):
        vault.whole(key, "null")


class Answering(http.server.BaseHTTPRequestHandler):
    """Answers every put as the server's `answer` says."""

    protocol_version = "HTTP/1.1"

    def do_PUT(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        status, headers = self.server.answer
        self.server.asked += 1
        if status is None:
            self.close_connection = True
            return
        self.send_response(status)
        for name, value in {"Content-Length": "0", **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_):
        """Not the test's output."""


@pytest.mark.parametrize(
    "answer",
    [
        (None, {}),
        (200, {}),
        (204, {"x-amz-version-id": "1"}),
        (307, {"Location": "http://127.0.0.1:9/"}),
        (403, {}),
        (412, {}),
        (500, {}),
        (503, {"Retry-After": "1"}),
    ],
    ids=str,
)
def test_anything_but_a_plain_success_is_left_to_the_client(answer, credentials):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    server.answer, server.asked = answer, 0
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}"
        opened = open_vault(endpoint_url=url, region="us-east-1", bucket="bucket", connections=1)
        assert opened._quick("bucket", "key", b"bytes", SHA256, {}) is None
        assert server.asked == 1, "asked once: trying again is the client's business"
        opened.close()
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_buckets_that_are_host_names_are_left_to_the_client(credentials):
    client = s3_client(endpoint_url=None, region="eu-west-2")
    assert quick_put(client, object(), connections=1) is None
    client.close()


def test_a_proxy_is_left_to_the_client(credentials, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    client = s3_client(endpoint_url="http://192.0.2.1:8333", region="eu-west-2")
    assert quick_put(client, object(), connections=1) is None
    client.close()


def test_what_is_read_the_quick_way_is_what_the_client_reads(vault):
    assert vault._quick_read is not None
    stored = put(vault, f"items/{uuid4()}", b"x" * 70_000, now() + timedelta(days=1))
    assert vault._quick_read(vault.bucket, stored.key, stored.version) == b"x" * 70_000
    assert vault.whole(stored.key, stored.version) == b"".join(vault.stream(stored.key, stored.version))


def test_what_is_not_there_is_left_to_the_client_who_says_so(vault):
    assert vault._quick_read(vault.bucket, "items/nowhere", "null") is None
    with pytest.raises(VaultUnavailableError):
        vault.whole("items/nowhere", "null")
