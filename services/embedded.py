"""The way in: all embedded parts of one home, started and stopped together.

    with embedded(Path(".holdfast")) as parts:
        environment = parts.environment()

A part whose address is set in the environment given is not started: the address names the real one.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from services.authority import TimestampAuthority
from services.home import Home, write_private
from services.mailbox import DESK_ADDRESS, ImapMailbox, SmtpServer
from services.ports import Ports
from services.postgres import DatabaseUrls, Postgres
from services.process import Process
from services.seaweedfs import BUCKET, SeaweedFS
from services.supervisor import Supervisor, say_on_stderr
from services.twilio import TwilioStandIn
from services.valkey import Valkey

# Each part, with the settings that say the real one is elsewhere.
PARTS: dict[str, tuple[str, ...]] = {
    "postgres": ("HOLDFAST_DATABASE_URL",),
    "valkey": ("HOLDFAST_BROKER_URL",),
    "seaweedfs": ("HOLDFAST_S3_ENDPOINT_URL", "HOLDFAST_S3_BUCKET"),
    "imap": ("HOLDFAST_IMAP_URL",),
    "smtp": ("HOLDFAST_SMTP_URL",),
    "twilio": ("HOLDFAST_TWILIO_API_URL", "HOLDFAST_TWILIO_ACCOUNT_SID"),
    "authority": ("HOLDFAST_TSA_URLS",),
}
ENVIRONMENT_FILE = "environment.json"
SECRET_KEY_BYTES = 32


class Embedded:
    """The embedded parts of one home. A context manager: entering starts, leaving stops."""

    def __init__(
        self, home: Home, parts: Collection[str], environ: Mapping[str, str], say: Callable[[str], None]
    ) -> None:
        unknown = set(parts) - set(PARTS)
        if unknown:
            raise ValueError(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
        self.home = home
        self.ports = Ports(home)
        self.supervisor = Supervisor(home, say)
        self.desk_address = DESK_ADDRESS
        self.parts = tuple(name for name in PARTS if name in parts and not _is_elsewhere(name, environ))
        self._environ = environ
        self._say = say
        self._wire()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the parts and return when all are ready to be used.

        Raises:
            HomeInUseError: Another process runs the parts of this home.
            ServiceError: One could not be started; none is left running.
        """
        self.supervisor.take_over()
        try:
            for name, port in self.ports.hold().items():
                self._say(f"the port of {name} was taken by another program; it is now {port}")
            self._wire()
            self._start(self._processes())
        except BaseException:
            self.stop()
            raise

    def _start(self, processes: list[Process]) -> None:
        if "postgres" in self.parts and not self.postgres.place.is_relative_to(self.home.path):
            self._say(f"PostgreSQL's own user cannot reach this home: its data lies in {self.postgres.place}")
        self.supervisor.start(processes)
        self.publish(self.environment())

    def publish(self, settings: Mapping[str, str]) -> None:
        """Say what commands beside us are to run with: the parts' settings, and those of processes on top of them."""
        write_private(self.home.state / ENVIRONMENT_FILE, json.dumps(dict(settings), indent=1))

    def stop(self) -> None:
        """Stop everything the supervisor runs, in order. Safe to call twice."""
        if self.home.is_held:
            (self.home.state / ENVIRONMENT_FILE).unlink(missing_ok=True)
        self.supervisor.stop()
        self.ports.release()

    def environment(self) -> dict[str, str]:
        """The settings by which Holdfast uses these parts: secrets among them."""
        found = {name: value for name, value in self._environ.items() if name in _names_elsewhere()}
        found.update(self._files())
        # One machine asks nobody's name servers unless it is told to: not in a demonstration, not in a test.
        found["HOLDFAST_DNS_RESOLVERS"] = self._environ.get("HOLDFAST_DNS_RESOLVERS", "off")
        for name in self.parts:
            found.update(self._settings_of(name))
        return found

    def database(self, name: str, template: str | None = None) -> DatabaseUrls:
        """A further, empty database on the running server, or a copy of `template`; its four addresses."""
        return self.postgres.create_database(name, template)

    def _wire(self) -> None:
        self.postgres = Postgres(self.home, self.ports)
        self.valkey = Valkey(self.home, self.ports)
        self.seaweedfs = SeaweedFS(self.home, self.ports)
        self.imap = ImapMailbox(self.home, self.ports)
        self.smtp = SmtpServer(self.home, self.ports)
        self.twilio = TwilioStandIn(self.home, self.ports)
        self.authority = TimestampAuthority(self.home, self.ports)

    def _processes(self) -> list[Process]:
        described = {
            "postgres": self.postgres.process,
            "valkey": self.valkey.process,
            "seaweedfs": self.seaweedfs.process,
            "imap": self.imap.process,
            "smtp": self.smtp.process,
            "twilio": self.twilio.process,
            "authority": self.authority.process,
        }
        return [described[name]() for name in self.parts]

    def _settings_of(self, part: str) -> dict[str, str]:
        databases = self.postgres.urls()
        settings = {
            "postgres": {
                "HOLDFAST_DATABASE_URL": databases.app,
                "HOLDFAST_DATABASE_OWNER_URL": databases.owner,
                "HOLDFAST_DATABASE_SEQUENCER_URL": databases.sequencer,
                "HOLDFAST_DATABASE_DISPOSAL_URL": databases.disposal,
            },
            "valkey": {"HOLDFAST_BROKER_URL": self.valkey.url},
            "seaweedfs": {
                "HOLDFAST_S3_ENDPOINT_URL": self.seaweedfs.endpoint_url,
                "HOLDFAST_S3_BUCKET": BUCKET,
                **self.seaweedfs.credentials,
            },
            "imap": {"HOLDFAST_IMAP_URL": self.imap.url},
            "smtp": {"HOLDFAST_SMTP_URL": self.smtp.url},
            "twilio": {
                "HOLDFAST_TWILIO_ACCOUNT_SID": self.twilio.account_sid,
                "HOLDFAST_TWILIO_AUTH_TOKEN": self.twilio.auth_token,
                "HOLDFAST_TWILIO_API_URL": self.twilio.url,
                "HOLDFAST_TWILIO_NUMBER": self.twilio.number,
            },
            "authority": {
                "HOLDFAST_TSA_URLS": self.authority.url,
                "HOLDFAST_TSA_ROOTS": str(self.authority.roots_file),
            },
        }
        return settings[part]

    def _files(self) -> dict[str, str]:
        """The settings that name files of this home, each made if need be, unless the environment names others."""
        made = {
            "HOLDFAST_HOME": str(self.home.path),
            "HOLDFAST_SIGNING_KEY_FILE": str(_signing_key_file(self.home)),
            "HOLDFAST_SECRET_KEY_FILE": str(self.home.secret_file("secret-key", secrets.token_hex(SECRET_KEY_BYTES))),
            "HOLDFAST_CHECKPOINT_FILE": str(self.home.state / "last-checkpoint.note"),
        }
        return {name: path if name == "HOLDFAST_HOME" else self._environ.get(name, path) for name, path in made.items()}


def embedded(
    home: Path,
    *,
    only: Collection[str] | None = None,
    environ: Mapping[str, str] | None = None,
    say: Callable[[str], None] = say_on_stderr,
) -> Embedded:
    """Describe the embedded parts of a home; nothing runs until `start`.

    Args:
        home: Their folder; made when missing.
        only: Names from `PARTS`; None: all.
        environ: Settings that say which parts are elsewhere; None: those of this process.
        say: Told, in a sentence, whatever a person should know.
    """
    return Embedded(Home(home), PARTS if only is None else only, os.environ if environ is None else environ, say)


def running_environment(home: Path) -> dict[str, str] | None:
    """The settings of the parts that some process runs for this home now; None when none does."""
    path = home / "state" / ENVIRONMENT_FILE
    if not path.exists() or not Home(home).is_locked():
        return None
    settings: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return settings


def _is_elsewhere(part: str, environ: Mapping[str, str]) -> bool:
    return any(environ.get(name) or environ.get(f"{name}_FILE") for name in PARTS[part])


def _names_elsewhere() -> set[str]:
    """Every setting an embedded part would give."""
    return {name for names in PARTS.values() for name in names} | {
        "HOLDFAST_DATABASE_OWNER_URL",
        "HOLDFAST_DATABASE_SEQUENCER_URL",
        "HOLDFAST_DATABASE_DISPOSAL_URL",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_DEFAULT_REGION",
        "HOLDFAST_TWILIO_AUTH_TOKEN",
        "HOLDFAST_TWILIO_NUMBER",
        "HOLDFAST_TSA_ROOTS",
    }


def _signing_key_file(home: Home) -> Path:
    """The sequencer's Ed25519 key, PKCS #8 PEM, made once."""
    key = Ed25519PrivateKey.generate()
    return home.secret_file(
        "signing-key.pem", key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    )
