"""Every setting: its name in the environment, what it means, its unit and its default. No secret has a default.

Only composition roots (`cli.py`) read settings. A secret may also come from a file: `NAME_FILE` holds the path.
`docs/settings.md` is written from this page by `holdfast settings`; a test keeps the two together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, Self

# What S3 takes in one request, and so under one checksum.
MOST_VAULT_BYTES = 5 * 1024**3


class SettingsError(Exception):
    """A setting is missing or cannot be read; the text says what to set."""

    def __init__(self, name: str, because: str) -> None:
        super().__init__(name, because)
        self.name, self.because = name, because

    def __str__(self) -> str:
        return f"set {self.name}: {self.because}"


def _yes(text: str) -> bool:
    if text.lower() in {"1", "yes", "true", "on"}:
        return True
    if text.lower() in {"0", "no", "false", "off", ""}:
        return False
    raise ValueError("say yes or no")


def _several(text: str) -> tuple[str, ...]:
    return tuple(part for part in text.replace(",", " ").split() if part)


def _after_archiving(text: str) -> str:
    if text.lower() not in {"keep", "redact", "delete"}:
        raise ValueError("say keep, redact or delete")
    return text.lower()


def _vault_bytes(text: str) -> int:
    if not 1 <= int(text) <= MOST_VAULT_BYTES:
        raise ValueError(f"say a number from 1 to {MOST_VAULT_BYTES}")
    return int(text)


def _setting(
    name: str, meaning: str, *, default: Any = None, parse: Callable[[str], Any] = str, secret: bool = False
) -> Any:
    # dataclasses' own way to carry more about a field.
    about = {"name": name, "meaning": meaning, "parse": parse, "secret": secret}
    return field(default=default, repr=not secret, metadata=about)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What one process was told. Values that are None were not set."""

    home: Path = _setting(
        "HOLDFAST_HOME", "Folder of one machine's data, keys and logs.", default=Path(".holdfast"), parse=Path
    )
    database_url: str | None = _setting(
        "HOLDFAST_DATABASE_URL",
        "PostgreSQL, the application's login: `postgresql://user:password@host:port/name`.",
        secret=True,
    )
    database_owner_url: str | None = _setting(
        "HOLDFAST_DATABASE_OWNER_URL", "The owner's login, for `holdfast migrate` alone.", secret=True
    )
    database_sequencer_url: str | None = _setting(
        "HOLDFAST_DATABASE_SEQUENCER_URL", "The sequencer's login, for `holdfast sequencer` alone.", secret=True
    )
    database_disposal_url: str | None = _setting(
        "HOLDFAST_DATABASE_DISPOSAL_URL", "The login that may erase payloads, for disposal alone.", secret=True
    )
    broker_url: str | None = _setting(
        "HOLDFAST_BROKER_URL", "Valkey or Redis: `redis://:password@host:port/0`.", secret=True
    )
    s3_endpoint_url: str | None = _setting(
        "HOLDFAST_S3_ENDPOINT_URL", "S3 server; unset for AWS. Credentials come by the AWS variables."
    )
    s3_bucket: str | None = _setting("HOLDFAST_S3_BUCKET", "Bucket of the vault, made with Object Lock.")
    s3_region: str = _setting("AWS_DEFAULT_REGION", "Region of the bucket.", default="eu-west-2")
    lock_days: int = _setting(
        "HOLDFAST_LOCK_DAYS",
        "Days for which an item is locked. While its case is open or held its lock is extended before half of them "
        "are over; after that it runs out. The demonstration uses 1.",
        default=90,
        parse=int,
    )
    ledger_lock_days: int = _setting(
        "HOLDFAST_LEDGER_LOCK_DAYS",
        "Days for which what is published of the ledger is locked: it holds no payloads. The demonstration uses 1.",
        default=3653,
        parse=int,
    )
    publish_every_seconds: int = _setting(
        "HOLDFAST_PUBLISH_EVERY_SECONDS",
        "How often the ledger is written to the vault. A rebuild from it alone lacks what came after the last time.",
        default=60,
        parse=int,
    )
    origin: str = _setting(
        "HOLDFAST_LOG_ORIGIN",
        "Name of this installation's ledger (C2SP: a domain and path you hold). Never changed once entries exist.",
        default="holdfast.example/custody/1",
    )
    signing_key_file: Path | None = _setting(
        "HOLDFAST_SIGNING_KEY_FILE", "The ledger's Ed25519 key (PKCS #8 PEM, mode 0400); sequencer only.", parse=Path
    )
    next_signing_key_file: Path | None = _setting(
        "HOLDFAST_NEXT_SIGNING_KEY_FILE",
        "The key that is to replace it, announced by `holdfast key rotate`; both sign while this is set.",
        parse=Path,
    )
    secret_key_file: Path | None = _setting(
        "HOLDFAST_SECRET_KEY_FILE",
        "64 hex digits that stream pseudonyms and sessions are derived from. Back it up: a ledger needs it for ever.",
        parse=Path,
    )
    checkpoint_file: Path | None = _setting(
        "HOLDFAST_CHECKPOINT_FILE",
        "Where the sequencer keeps the last signed checkpoint outside the database. On another disk if there is one.",
        parse=Path,
    )
    policy_file: Path | None = _setting(
        "HOLDFAST_POLICY_FILE",
        "The trust policy you publish; copied into packages. Unset: made from the key.",
        parse=Path,
    )
    public_url: str = _setting(
        "HOLDFAST_PUBLIC_URL",
        "Address under which the world reaches this installation, with port and path prefix if it has them; Twilio's "
        "signatures are checked over it.",
        default="http://127.0.0.1:8080",
    )
    bind: str = _setting("HOLDFAST_BIND", "Address and port the web process listens on.", default="127.0.0.1:8080")
    web_processes: int = _setting("HOLDFAST_WEB_PROCESSES", "Web worker processes.", default=2, parse=int)
    web_threads: int = _setting("HOLDFAST_WEB_THREADS", "Threads in each of them.", default=4, parse=int)
    worker_processes: int = _setting(
        "HOLDFAST_WORKER_PROCESSES", "Background processes in each of the worker's five lanes.", default=2, parse=int
    )
    proxies: int = _setting(
        "HOLDFAST_PROXIES", "How many proxies of yours stand before the web process.", default=0, parse=int
    )
    twilio_account_sid: str | None = _setting("HOLDFAST_TWILIO_ACCOUNT_SID", "Twilio account.")
    twilio_auth_token: str | None = _setting(
        "HOLDFAST_TWILIO_AUTH_TOKEN", "Its token: checks signatures, sends, fetches media.", secret=True
    )
    twilio_auth_token_secondary: str | None = _setting(
        "HOLDFAST_TWILIO_AUTH_TOKEN_SECONDARY",
        "The other token while the account's is being changed: its signatures are good too.",
        secret=True,
    )
    twilio_shared_keys: tuple[str, ...] = _setting(
        "HOLDFAST_TWILIO_SHARED_KEYS",
        "Shared keys that webhooks may be signed with, each `<key id>:<secret>`; spaces between.",
        default=(),
        parse=_several,
        secret=True,
    )
    twilio_api_url: str | None = _setting(
        "HOLDFAST_TWILIO_API_URL", "Another server than Twilio's own (the stand-in of one machine)."
    )
    twilio_number: str | None = _setting("HOLDFAST_TWILIO_NUMBER", "The number people forward to and are answered by.")
    twilio_media_hosts: tuple[str, ...] = _setting(
        "HOLDFAST_TWILIO_MEDIA_HOSTS",
        "Hosts that pictures of texts may be fetched from, by redirects too; spaces between.",
        default=("api.twilio.com", "media.twiliocdn.com", "mms.twiliocdn.com", "s3-external-1.amazonaws.com"),
        parse=_several,
    )
    twilio_media_types: tuple[str, ...] = _setting(
        "HOLDFAST_TWILIO_MEDIA_TYPES",
        "Types of them that are fetched, `image/*` for every picture; others are parked. Spaces between.",
        default=(
            *("image/*", "audio/*", "video/*", "text/*", "application/pdf", "application/vcard", "application/ogg"),
            *("application/msword", "application/vnd.*", "application/zip", "application/octet-stream"),
        ),
        parse=_several,
    )
    twilio_after_archiving: str = _setting(
        "HOLDFAST_TWILIO_AFTER_ARCHIVING",
        "What becomes of Twilio's own copy of a text once ours was read back and found right: `keep`, `redact` (its "
        "words are emptied, its media deleted) or `delete`.",
        default="keep",
        parse=_after_archiving,
    )
    most_media_bytes: int = _setting(
        "HOLDFAST_MOST_MEDIA_BYTES", "Largest picture or recording fetched, bytes.", default=64 * 1024**2, parse=int
    )
    upload_most_bytes: int = _setting(
        "HOLDFAST_UPLOAD_MOST_BYTES",
        "Largest file that comes in by a link, bytes; at most 5 GiB, what a vault takes at once.",
        default=2 * 1024**3,
        parse=_vault_bytes,
    )
    upload_daily_bytes: int = _setting(
        "HOLDFAST_UPLOAD_DAILY_BYTES",
        "Most bytes that come in by one link in 24 hours.",
        default=10 * 1024**3,
        parse=int,
    )
    upload_daily_files: int = _setting(
        "HOLDFAST_UPLOAD_DAILY_FILES", "Most files that come in by one link in 24 hours.", default=500, parse=int
    )
    upload_waiting_bytes: int = _setting(
        "HOLDFAST_UPLOAD_WAITING_BYTES",
        "Most bytes of uploads that may wait in the database for the vault, unfinished ones too: room on its disk.",
        default=40 * 1024**3,
        parse=int,
    )
    dns_resolvers: str = _setting(
        "HOLDFAST_DNS_RESOLVERS",
        "Who is asked for the keys of signatures: `system`, `off`, or addresses (`9.9.9.9 127.0.0.1:5353`). Best is a "
        "validating resolver of your own. The embedded parts of one machine say `off`.",
        default="system",
    )
    dns_domains: tuple[str, ...] = _setting(
        "HOLDFAST_DNS_DOMAINS",
        "Domains of large providers, looked up unasked; with a dot before it, names below it. Of any other an officer "
        "must ask: whoever runs it could see the look-up. Spaces between.",
        default=(
            *("gmail.com", "googlemail.com", "google.com", ".gappssmtp.com", "outlook.com", "hotmail.com"),
            *("hotmail.co.uk", "live.com", "live.co.uk", "msn.com", "microsoft.com", ".onmicrosoft.com", "yahoo.com"),
            *("yahoo.co.uk", "ymail.com", "rocketmail.com", "aol.com", "icloud.com", "me.com", "mac.com", "apple.com"),
            *("btinternet.com", "bt.com", "sky.com", "talktalk.net", "virginmedia.com", "ntlworld.com", "proton.me"),
            *("protonmail.com", "fastmail.com", "messagingengine.com", "zoho.com", "gmx.com", "gmx.net", "gmx.de"),
            *("web.de", "mail.com", "amazonses.com", "facebookmail.com", "facebook.com", "instagram.com"),
            *("linkedin.com", "paypal.com", "paypal.co.uk", "ebay.com", "ebay.co.uk", "amazon.com", "amazon.co.uk"),
        ),
        parse=_several,
    )
    authserv_ids: tuple[str, ...] = _setting(
        "HOLDFAST_AUTHSERV_IDS",
        "Names under which your own receiving mail server writes Authentication-Results (RFC 8601). Only these are "
        "believed, so it must remove forged ones. Unset: none is. Spaces between.",
        default=(),
        parse=_several,
    )
    imap_url: str | None = _setting(
        "HOLDFAST_IMAP_URL",
        "Mailboxes people forward to: `imaps://user:password@host:port/folder`, several with spaces or lines between. "
        "`imaps://user;AUTH=XOAUTH2@host/folder` logs in by tokens.",
        secret=True,
    )
    imap_oauth: str | None = _setting(
        "HOLDFAST_IMAP_OAUTH",
        "How tokens for mailboxes without a password are got: JSON by user, see operations, Gmail and Microsoft 365.",
        secret=True,
    )
    imap_poll_seconds: int = _setting(
        "HOLDFAST_IMAP_POLL_SECONDS",
        "Seconds after which the folder is searched even if nothing was announced.",
        default=60,
        parse=int,
    )
    alias_address: str | None = _setting(
        "HOLDFAST_ALIAS_ADDRESS",
        "Address of a contributor's own alias, `*` where its secret part stands: `desk+*@host`, or `*@reports.host` "
        "where the server knows no plus but takes everything of a domain. Unset: `HOLDFAST_MAIL_FROM` with a plus.",
    )
    smtp_url: str | None = _setting(
        "HOLDFAST_SMTP_URL",
        "Server for outgoing answers: `smtp://` or `smtps://user:password@host:port`.",
        secret=True,
    )
    mail_from: str = _setting(
        "HOLDFAST_MAIL_FROM", "Address people forward to and are answered by.", default="desk@holdfast.example"
    )
    replies_on: bool = _setting(
        "HOLDFAST_REPLIES",
        "`no` switches every answer, question and link off; officers are told as before.",
        default=True,
        parse=_yes,
    )
    reply_burst_seconds: int = _setting(
        "HOLDFAST_REPLY_BURST_SECONDS", "Items within this many seconds get one answer.", default=120, parse=int
    )
    reply_most_per_day: int = _setting(
        "HOLDFAST_REPLY_MOST_PER_DAY",
        "Most messages to one contributor in 24 hours, by all ways together; questions and links count.",
        default=24,
        parse=int,
    )
    reply_most_per_day_in_all: int = _setting(
        "HOLDFAST_REPLY_MOST_PER_DAY_IN_ALL",
        "Most messages to all contributors in 24 hours: what texts may cost in a day.",
        default=500,
        parse=int,
    )
    question_most_per_day: int = _setting(
        "HOLDFAST_QUESTION_MOST_PER_DAY",
        "Most questions (who sent it, and when) to one contributor in 24 hours; 0 asks none.",
        default=4,
        parse=int,
    )
    question_hours: int = _setting(
        "HOLDFAST_QUESTION_HOURS",
        "For how many hours a contributor's next text may be the answer to a question.",
        default=12,
        parse=int,
    )
    alert_mail_minutes: int = _setting(
        "HOLDFAST_ALERT_MAIL_MINUTES",
        "Alerts are gathered for this many minutes before officers get a mail; a duress word is mailed at once.",
        default=15,
        parse=int,
    )
    tsa_urls: tuple[str, ...] = _setting(
        "HOLDFAST_TSA_URLS",
        "Timestamp authorities (RFC 3161), two from different trust trees; spaces between.",
        default=(),
        parse=_several,
        secret=True,
    )
    tsa_roots: Path | None = _setting(
        "HOLDFAST_TSA_ROOTS",
        "PEM file of the roots those authorities are pinned to; certificates between that they do not send, too.",
        parse=Path,
    )
    tsa_every_seconds: int = _setting(
        "HOLDFAST_TSA_EVERY_SECONDS", "How often a ledger that grew is stamped.", default=300, parse=int
    )
    tsa_alarm_minutes: int = _setting(
        "HOLDFAST_TSA_ALARM_MINUTES",
        "After how many minutes without a token of an authority somebody is told.",
        default=60,
        parse=int,
    )
    tsa_patience_seconds: int = _setting(
        "HOLDFAST_TSA_PATIENCE_SECONDS", "How long a package waits for its tokens.", default=20, parse=int
    )
    witness_urls: tuple[str, ...] = _setting(
        "HOLDFAST_WITNESS_URLS",
        "Witnesses to be asked for cosignatures, each `<verifier key> <address>`; spaces between. None: unwitnessed.",
        default=(),
        parse=_several,
    )
    witness_quorum: int = _setting(
        "HOLDFAST_WITNESS_QUORUM",
        "How many of them must have cosigned, as the published policy asks.",
        default=1,
        parse=int,
    )
    witness_every_seconds: int = _setting(
        "HOLDFAST_WITNESS_EVERY_SECONDS", "How often they are asked while the ledger grows.", default=60, parse=int
    )
    witness_folder: Path | None = _setting(
        "HOLDFAST_WITNESS_FOLDER",
        "For `holdfast witness` alone: folder of its key, the logs it knows and what it cosigned. "
        "Unset: `witness` in `HOLDFAST_HOME`.",
        parse=Path,
    )
    witness_bind: str = _setting(
        "HOLDFAST_WITNESS_BIND", "Address and port the witness listens on.", default="127.0.0.1:8090"
    )
    sequence_every_seconds: float = _setting(
        "HOLDFAST_SEQUENCE_EVERY_SECONDS", "Pause of the sequencer between looks.", default=0.5, parse=float
    )
    sweep_every_seconds: int = _setting(
        "HOLDFAST_SWEEP_EVERY_SECONDS", "How often the sweep looks for what the queue lost.", default=10, parse=int
    )
    brand_officer_name: str = _setting("HOLDFAST_BRAND_NAME", "Name on officers' pages.", default="Holdfast")
    brand_body_name: str = _setting(
        "HOLDFAST_BODY_NAME", "The body that runs this, as it stands inside sentences.", default="your local police"
    )
    brand_public_name: str = _setting(
        "HOLDFAST_PUBLIC_NAME",
        "Name in tabs and headers of the public pages: it must not tell what they are about.",
        default="Advice and information",
    )
    brand_colour: str = _setting(
        "HOLDFAST_BRAND_COLOUR", "Brand colour `#rrggbb`; white must be readable on it (4.5:1).", default="#1c4f56"
    )
    brand_language: str = _setting(
        "HOLDFAST_LANGUAGE",
        "Language of the pages that people who are stalked see: `en`, or one that has a catalogue in `locale/`.",
        default="en",
    )
    brand_exit_link: str = _setting(
        "HOLDFAST_EXIT_LINK", "Neutral site that 'exit this page' leads to.", default="https://www.bbc.co.uk/weather"
    )
    brand_emergency_number: str = _setting("HOLDFAST_EMERGENCY_NUMBER", "Number in immediate danger.", default="999")
    brand_silent_code: str = _setting(
        "HOLDFAST_SILENT_CODE", "What to press when one cannot speak to it; `none` hides it.", default="55"
    )
    brand_non_emergency_number: str = _setting(
        "HOLDFAST_NON_EMERGENCY_NUMBER", "Number when not in immediate danger.", default="101"
    )
    brand_report_link: str = _setting(
        "HOLDFAST_REPORT_LINK", "Where a report is made online.", default="https://www.police.uk/"
    )
    brand_helpline_name: str = _setting("HOLDFAST_HELPLINE_NAME", "Helpline.", default="National Stalking Helpline")
    brand_helpline_number: str = _setting("HOLDFAST_HELPLINE_NUMBER", "Its number.", default="0808 802 0300")
    brand_helpline_body: str = _setting("HOLDFAST_HELPLINE_BODY", "Who runs it.", default="Suzy Lamplugh Trust")
    brand_helpline_link: str = _setting("HOLDFAST_HELPLINE_LINK", "Its site.", default="https://www.suzylamplugh.org/")
    brand_personal_safety_link: str = _setting(
        "HOLDFAST_PERSONAL_SAFETY_LINK", "More about personal safety.", default="https://www.suzylamplugh.org/"
    )
    brand_call_preference_link: str = _setting(
        "HOLDFAST_CALL_PREFERENCE_LINK", "Telephone Preference Service.", default="https://www.tpsonline.org.uk/"
    )
    brand_services: str = _setting(
        "HOLDFAST_SUPPORT_SERVICES", "Local services, one a line: `name | number | link`.", default=""
    )
    brand_privacy_contact: str = _setting("HOLDFAST_PRIVACY_CONTACT", "Who answers for personal data.", default="")
    brand_accessibility_contact: str = _setting(
        "HOLDFAST_ACCESSIBILITY_CONTACT", "Who answers for pages that cannot be used.", default=""
    )
    demo: bool = _setting(
        "HOLDFAST_DEMO",
        "`yes` marks a demonstration: pages say so, and `/demo/phone` exists.",
        default=False,
        parse=_yes,
    )

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """Read every setting.

        Raises:
            SettingsError: A value cannot be read; it says which and why.
        """
        return cls(**{about.name: _value(about.metadata, about.default, environ) for about in fields(cls)})

    def need(self, attribute: str) -> str:
        """A setting this process cannot do without, as text.

        Raises:
            SettingsError: It is not set.
        """
        value = getattr(self, attribute)
        if value in {None, ""}:
            about = next(about for about in fields(self) if about.name == attribute).metadata
            raise SettingsError(about["name"], about["meaning"])
        return str(value)


def _value(about: Mapping[str, Any], default: Any, environ: Mapping[str, str]) -> Any:
    name = about["name"]
    text = environ.get(name)
    if text is None and about["secret"] and environ.get(f"{name}_FILE"):
        text = _file(name, Path(environ[f"{name}_FILE"]))
    if text is None or (not text and default is not MISSING):
        return default
    try:
        return about["parse"](text)
    except ValueError as error:
        raise SettingsError(name, f"{about['meaning']} ({error})") from error


def _file(name: str, path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError as error:
        raise SettingsError(f"{name}_FILE", f"the file cannot be read ({error.strerror})") from error


def as_markdown() -> str:
    """The table of `docs/settings.md`."""
    lines = ["| setting | meaning | default |", "|---|---|---|"]
    for about in fields(Settings):
        name = f"`{about.metadata['name']}`" + (" (or `…_FILE`)" if about.metadata["secret"] else "")
        lines.append(f"| {name} | {about.metadata['meaning']} | {_default(about.default)} |")
    return "\n".join(lines) + "\n"


def _default(value: Any) -> str:
    if value in {None, (), ""}:
        return "none"
    if isinstance(value, bool):
        return "`yes`" if value else "`no`"
    return f"`{' '.join(value)}`" if isinstance(value, tuple) else f"`{value}`"
