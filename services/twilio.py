"""A stand-in for Twilio: its REST API for texts and media, signed webhooks, and a handset to text with.

`python -m services.twilio --port N --home FOLDER --account-sid AC… --auth-token-file FILE --number +44…`

Stateful, in `FOLDER/twilio.sqlite`. What is Twilio's answers like Twilio's, so that twilio-python works with only the
host changed; what is ours is under `/_phone/`, with the same Basic credentials. `docs/services.md` has the forms.
"""

from __future__ import annotations

import argparse
import os
import secrets
import signal
import sys
from pathlib import Path

import requests
from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server

from services.faults import Faults
from services.home import Home
from services.phone import make_phone
from services.ports import LOOPBACK, Ports
from services.process import STOP_STAND_INS, Process, python_environment
from services.twilio_api import Account, make_api
from services.twilio_store import Store
from services.webhook import Webhook

# Ofcom keeps 07700 900000 to 900999 for drama: no text sent there reaches anybody.
NUMBER = "+447700900100"
READY_SECONDS = 1.0
CONTROL_SECONDS = 30.0


class TwilioStandIn:
    """The stand-in of one home, seen from outside its process."""

    def __init__(self, home: Home, ports: Ports) -> None:
        self._home = home
        self._port = ports["twilio"]
        self._folder = home.folder("twilio")
        self.account_sid = "AC" + home.secret_file("twilio-account", secrets.token_hex(16)).read_text(encoding="ascii")
        self.number = NUMBER

    @property
    def url(self) -> str:
        """What takes the place of https://api.twilio.com."""
        return f"http://{LOOPBACK}:{self._port}"

    @property
    def auth_token(self) -> str:
        """The account's password and the webhooks' signing key."""
        return self._home.secret("twilio-token")

    def process(self) -> Process:
        """How to run it."""
        token_file = self._home.secret_file("twilio-token")
        return Process(
            name="twilio",
            command=(
                *(sys.executable, "-m", "services.twilio", "--port", str(self._port), "--home", str(self._folder)),
                *("--account-sid", self.account_sid, "--auth-token-file", str(token_file), "--number", self.number),
            ),
            environment=python_environment(self._home.temporary),
            ready=self.is_ready,
            stop_order=STOP_STAND_INS,
        )

    def is_ready(self) -> bool:
        """Whether it answers."""
        try:
            return requests.get(f"{self.url}/_phone/health", timeout=READY_SECONDS).ok
        except requests.RequestException:
            return False

    def set_webhook(self, webhook: Webhook) -> None:
        """Say where texts to our number are announced."""
        body = {"public_url": webhook.public_url, "target_url": webhook.target_url}
        credentials = (self.account_sid, self.auth_token)
        answer = requests.put(f"{self.url}/_phone/webhook", json=body, auth=credentials, timeout=CONTROL_SECONDS)
        answer.raise_for_status()


class _KeepAlive(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Keep numbers and texts, which are in query strings, out of the log."""


def make_app(store: Store, account: Account) -> Flask:
    """The stand-in as a WSGI application."""
    app = Flask("services.twilio", static_folder=None)
    # 16 MB is Twilio's limit for what WhatsApp carries; base64 takes a third more.
    app.config["MAX_CONTENT_LENGTH"] = 24 * 2**20
    faults = Faults()
    app.register_blueprint(make_api(store, account, faults))
    app.register_blueprint(make_phone(store, account, faults))
    return app


def main() -> None:
    """Read the command line and serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m services.twilio", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--home", type=Path, required=True, help="the folder of its SQLite file")
    parser.add_argument("--account-sid", required=True)
    parser.add_argument("--auth-token-file", type=Path, required=True)
    parser.add_argument("--number", required=True, help="the number that texts are sent to, +44…")
    options = parser.parse_args()
    token = options.auth_token_file.read_text(encoding="utf-8")
    account = Account(options.account_sid, token, options.number, f"http://{LOOPBACK}:{options.port}")
    app = make_app(Store(options.home / "twilio.sqlite"), account)
    server = make_server(LOOPBACK, options.port, app, threaded=True, request_handler=_KeepAlive)
    # Everything answered is committed: nothing is lost by ending at once.
    signal.signal(signal.SIGTERM, lambda _number, _frame: os._exit(0))
    signal.signal(signal.SIGINT, lambda _number, _frame: os._exit(0))
    server.serve_forever()


if __name__ == "__main__":
    main()
