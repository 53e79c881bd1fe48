"""Twilio's JSON document about a text, read as the form its webhook would have brought: for reading only, never kept.

A text taken in by `intake.text_reconciling.reconcile_texts` has this document as its bytes.
"""

from __future__ import annotations

import json
from urllib.parse import urlencode

JSON = "application/json"
FIELDS = {
    "sid": "MessageSid",
    "account_sid": "AccountSid",
    "from": "From",
    "to": "To",
    "body": "Body",
    "num_media": "NumMedia",
    "num_segments": "NumSegments",
    "api_version": "ApiVersion",
}


def as_form(document: bytes) -> bytes:
    """The document's fields under the webhook's names, URL-encoded; empty where it is no such document."""
    try:
        told = json.loads(document)
    except (ValueError, RecursionError):
        return b""
    if not isinstance(told, dict):
        return b""
    fields = [(name, told[key]) for key, name in FIELDS.items() if isinstance(told.get(key), str)]
    return urlencode(fields, errors="surrogatepass").encode("ascii")
