"""A demonstration timestamp authority: RFC 3161 over HTTP, on this machine, trusted by nobody else.

`python -m services.authority --port N --home FOLDER`

Its keys lie in FOLDER beside `tsa-roots.pem`, the root to verify with. It says what its clock says, which is ours:
its tokens prove nothing to anyone outside and are marked as a demonstration by their organisation and their policy.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

import requests
from flask import Flask, Response, request
from werkzeug.serving import make_server

from services.authority_keys import ORGANISATION, ROOTS, SigningKey, ensure_authority, load_signing_key
from services.home import Home
from services.ports import LOOPBACK, Ports
from services.process import STOP_STAND_INS, Process, python_environment
from services.tokens import answer

QUERY, REPLY = "application/timestamp-query", "application/timestamp-reply"
# A request is some eighty bytes; a nonce may be long.
REQUEST_LIMIT_BYTES = 4096
READY_SECONDS = 1.0


class TimestampAuthority:
    """The authority of one home, seen from outside its process."""

    def __init__(self, home: Home, ports: Ports) -> None:
        self._home = home
        self._port = ports["authority"]
        self._folder = home.folder("authority")

    @property
    def url(self) -> str:
        """Where requests are posted."""
        return f"http://{LOOPBACK}:{self._port}/tsa"

    @property
    def roots_file(self) -> Path:
        """The root certificate to verify its tokens with, PEM."""
        return self._folder / ROOTS

    def process(self) -> Process:
        """How to run it."""
        return Process(
            name="authority",
            command=(
                sys.executable,
                "-m",
                "services.authority",
                "--port",
                str(self._port),
                "--home",
                str(self._folder),
            ),
            environment=python_environment(self._home.temporary),
            prepare=lambda: ensure_authority(self._folder),
            ready=self.is_ready,
            stop_order=STOP_STAND_INS,
        )

    def is_ready(self) -> bool:
        """Whether it answers."""
        try:
            return requests.get(self.url, timeout=READY_SECONDS).ok
        except requests.RequestException:
            return False


def make_app(signing_key: SigningKey) -> Flask:
    """The authority as a WSGI application."""
    app = Flask("services.authority", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = REQUEST_LIMIT_BYTES

    @app.get("/tsa")
    def describe() -> Response:
        return Response(f"{ORGANISATION}\nPOST a {QUERY} here (RFC 3161).\n", mimetype="text/plain")

    @app.post("/tsa")
    def stamp() -> Response:
        if request.mimetype != QUERY:
            return Response(f"send {QUERY}\n", status=415, mimetype="text/plain")
        return Response(answer(request.get_data(), datetime.now(UTC), signing_key), mimetype=REPLY)

    return app


def main() -> None:
    """Read the command line and serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m services.authority", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--home", type=Path, required=True, help="the folder of its keys")
    options = parser.parse_args()
    ensure_authority(options.home)
    server = make_server(LOOPBACK, options.port, make_app(load_signing_key(options.home)), threaded=True)
    # It keeps nothing between requests.
    signal.signal(signal.SIGTERM, lambda _number, _frame: os._exit(0))
    signal.signal(signal.SIGINT, lambda _number, _frame: os._exit(0))
    server.serve_forever()


if __name__ == "__main__":
    main()
