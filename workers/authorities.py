"""Posting to timestamp authorities: one request, bounded in time and in size, and never sent on elsewhere."""

from __future__ import annotations

import time
from typing import Final

import requests

from archive.asking import Answer
from archive.errors import AuthorityUnreachableError
from archive.token_form import MAX_RESPONSE_BYTES

QUERY: Final = "application/timestamp-query"
CONNECT_SECONDS, READ_SECONDS, ALL_SECONDS = 3.0, 5.0, 15.0
PIECE_BYTES: Final = 4096


def ask(url: str, request: bytes, *, all_seconds: float = ALL_SECONDS) -> Answer:
    """Post a TimeStampReq.

    Args:
        url: Of the authority; credentials in it are sent as HTTP Basic.
        request: DER.
        all_seconds: After this a server that keeps sending is given up.

    Raises:
        AuthorityUnreachableError: Nothing came, not in time, or too much.
    """
    give_up_at = time.monotonic() + all_seconds
    try:
        with requests.post(
            url,
            data=request,
            headers={"Content-Type": QUERY, "Accept": "application/timestamp-reply"},
            timeout=(CONNECT_SECONDS, READ_SECONDS),
            # Whoever answers must be who was configured.
            allow_redirects=False,
            stream=True,
        ) as answer:
            body = _body(answer, give_up_at)
    except (requests.RequestException, OSError) as error:
        # The text of these errors repeats the address, which may hold credentials.
        raise AuthorityUnreachableError(type(error).__name__) from error
    media_type = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return Answer(answer.status_code, media_type, body)


def _body(answer: requests.Response, give_up_at: float) -> bytes:
    body = bytearray()
    for piece in answer.iter_content(PIECE_BYTES):
        body += piece
        if time.monotonic() > give_up_at:
            raise AuthorityUnreachableError("it kept sending for too long")
        if len(body) > MAX_RESPONSE_BYTES:
            raise AuthorityUnreachableError(f"it sent more than {MAX_RESPONSE_BYTES} bytes")
    return bytes(body)
