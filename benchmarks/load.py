"""A load generator that costs little: requests are bytes made beforehand, sent over kept connections."""

from __future__ import annotations

import multiprocessing
import socket
import threading
import time
from collections.abc import Sequence
from urllib.parse import urlencode, urlsplit

from twilio.request_validator import RequestValidator

HEADER_END = b"\r\n\r\n"


def signed_texts(
    url: str, public_url: str, account_sid: str, token: str, first: int, many: int, sender: str
) -> list[bytes]:
    """Whole HTTP requests of signed texts, each with a MessageSid of its own."""
    host = urlsplit(url).netloc
    validator = RequestValidator(token)
    requests = []
    for number in range(first, first + many):
        fields = {
            "MessageSid": f"SM{number:032d}",
            "AccountSid": account_sid,
            "From": sender,
            "To": "+447700900100",
            "Body": f"I know where you are, number {number}",
            "NumMedia": "0",
            "NumSegments": "1",
            "SmsStatus": "received",
            "ApiVersion": "2010-04-01",
        }
        body = urlencode(fields).encode()
        head = (
            f"POST /intake/sms HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            f"X-Twilio-Signature: {validator.compute_signature(f'{public_url}/intake/sms', fields)}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        requests.append(head.encode() + body)
    return requests


def post_all(url: str, requests: Sequence[bytes], connections: int) -> tuple[float, list[float]]:
    """Send all, over so many connections, from a process of its own.

    Returns:
        Seconds from the first to the last answer, and each request's own seconds.

    Raises:
        RuntimeError: An answer was not 200.
    """
    ours, theirs = multiprocessing.get_context("fork").Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=_post_all, args=(theirs, url, requests, connections))
    process.start()
    seconds, times, faults = ours.recv()
    process.join()
    if faults:
        raise RuntimeError(faults[0])
    return seconds, times


def _post_all(answer: object, url: str, requests: Sequence[bytes], connections: int) -> None:
    parts = urlsplit(url)
    times: list[float] = []
    faults: list[str] = []

    def send(some: Sequence[bytes]) -> None:
        try:
            with socket.create_connection((parts.hostname, parts.port), timeout=30) as line:
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for request in some:
                    begun = time.perf_counter()
                    line.sendall(request)
                    _read_answer(line)
                    times.append(time.perf_counter() - begun)
        except Exception as error:  # noqa: BLE001 - told to the parent, whatever it is
            faults.append(repr(error))

    threads = [threading.Thread(target=send, args=(requests[place::connections],)) for place in range(connections)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    answer.send((time.perf_counter() - begun, times, faults))  # type: ignore[attr-defined]


def _read_answer(line: socket.socket) -> None:
    data = b""
    while HEADER_END not in data:
        piece = line.recv(65536)
        if not piece:
            raise ConnectionError("the server closed the connection")
        data += piece
    head, _, body = data.partition(HEADER_END)
    if b" 200 " not in head.split(b"\r\n", 1)[0]:
        raise RuntimeError(head.decode("latin-1"))
    length = next(int(one[15:]) for one in head.split(b"\r\n") if one.lower().startswith(b"content-length:"))
    while len(body) < length:
        body += line.recv(65536)
