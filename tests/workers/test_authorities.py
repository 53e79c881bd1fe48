"""Asking over HTTP is bounded: in time, in size, and in whom it reaches."""

import base64
import socket
import threading
import time
from contextlib import contextmanager

import pytest

from archive.errors import AuthorityUnreachableError
from archive.token_form import MAX_RESPONSE_BYTES
from tests.archive.authority import REPLY, serving
from workers.authorities import ask


def test_what_comes_back_is_handed_on_as_it_is():
    with serving(lambda request: (418, "Text/HTML; charset=utf-8", b"tea " + request)) as server:
        answer = ask(server.url, b"asked")
    assert (answer.status, answer.media_type, answer.body) == (418, "text/html", b"tea asked")


def test_credentials_in_the_address_are_sent_and_stand_in_no_error():
    with serving(lambda _: (200, REPLY, b"x")) as server:
        ask(server.url.replace("://", "://user:secret@"), b"asked")
        ((_, headers),) = server.asked
    assert base64.b64decode(headers["Authorization"].removeprefix("Basic ")) == b"user:secret"
    with pytest.raises(AuthorityUnreachableError) as raised:
        ask(server.url.replace("://", "://user:secret@"), b"asked")
    assert "secret" not in str(raised.value)


def test_nobody_is_sent_on_to_somebody_else():
    with serving(lambda _: (200, REPLY, b"x")) as elsewhere, serving(None) as server:

        def redirect(_request):
            return 307, REPLY, b""

        server.answer = redirect
        assert ask(server.url, b"asked").status == 307
        assert elsewhere.asked == []


def test_too_much_is_not_read():
    with (
        serving(lambda _: (200, REPLY, bytes(MAX_RESPONSE_BYTES + 1))) as server,
        pytest.raises(AuthorityUnreachableError, match="more than"),
    ):
        ask(server.url, b"asked")


@contextmanager
def dripping():
    """A server that answers at once and then sends a byte now and then, for ever."""
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def drip():
        connection, _ = listener.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/timestamp-reply\r\n\r\n")
            while not over.wait(0.05):
                try:
                    connection.sendall(b"x" * 5000)
                except OSError:
                    return

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        over.set()
        thread.join()
        listener.close()


def test_a_server_that_never_ends_is_given_up():
    began = time.monotonic()
    with dripping() as url, pytest.raises(AuthorityUnreachableError, match=r"too long|more than"):
        ask(url, b"asked", all_seconds=0.2)
    assert time.monotonic() - began < 30


def test_nobody_there_is_an_error_of_ours():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(AuthorityUnreachableError, match="ConnectionError"):
        ask(f"http://127.0.0.1:{port}/", b"asked")
