"""What the pages are given: they open nothing and look up no setting themselves."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from flask import Blueprint
from sqlalchemy import Engine

from archive.agreed_words import Signals
from archive.jobs import Nudge, no_nudge
from archive.vault import Vault
from intake.receipts import Receipts
from intake.upload_model import UploadLimits
from replies.link_sending import LinkDesk, shown_only
from web.brand import Brand


@dataclass(frozen=True, slots=True)
class Web:
    """The collaborators of one web process.

    Attributes:
        engine: The application's database login.
        vault: Where originals and packages are read from.
        now: The clock.
        secret_key: Signs the form tokens; at least 32 bytes.
        brand: Names, numbers and links on the pages.
        public_url: Address under which the world reaches us, for pages that name their own.
        nudge: Queues work; never raises.
        limits_url: Where sign-in attempts are counted: `redis://…`, or `memory://` for one process.
        secure_cookies: Whether browsers reach us by HTTPS.
        proxies: Proxies of ours in front, whose X-Forwarded headers count.
        doors: Blueprints that answer to programs or bring their own checks; exempt from form tokens.
        demo: Whether this is the demonstration, said on every officer's page.
        links: Where personal links are issued and, where they may be, sent; None: shown to officers alone.
        upload_limits: How much may come in by links.
        upload_slots: Files that one process takes in at once.
        dns: Whether workers may ask DNS for the keys of signatures.
        receipts: Makes and knows receipt codes; without a secret of the installation they end with the process.
        signals: Makes marks of words agreed in private; without that secret nobody recognises them later.
    """

    engine: Engine
    vault: Vault
    now: Callable[[], datetime]
    secret_key: bytes = field(repr=False)
    brand: Brand = field(default_factory=Brand)
    public_url: str = "http://127.0.0.1:8080"
    nudge: Nudge = no_nudge
    limits_url: str = field(default="memory://", repr=False)
    secure_cookies: bool = True
    proxies: int = 0
    doors: tuple[Blueprint, ...] = ()
    demo: bool = False
    links: LinkDesk | None = None
    upload_limits: UploadLimits = field(default_factory=UploadLimits)
    upload_slots: int = 2
    dns: bool = False
    receipts: Receipts = field(default_factory=lambda: Receipts(secrets.token_bytes(32)))
    signals: Signals = field(default_factory=lambda: Signals(secrets.token_bytes(32)))

    def link_desk(self) -> LinkDesk:
        """Where officers issue personal links."""
        return self.links or shown_only(self.engine, self.public_url, now=self.now)
