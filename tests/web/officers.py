"""A web application over one test's own installation, and people who use it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from html import unescape
from typing import Any
from uuid import UUID, uuid4

from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import insert, select

from archive.case import open_case
from archive.tables import account, case_member, custody_entry, custody_payload
from tests.timeline.casework import Casework
from web import sessions
from web.app import Web, create_app

PASSWORD = "correct horse battery staple"
# As cheap as argon2 goes: verifying takes its cost from the hash.
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
CHEAP_HASH = CHEAP.hash(PASSWORD)
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


@dataclass
class Site:
    """One application, its people, and what it asked workers to do."""

    casework: Casework
    app: Flask
    nudged: list[tuple[Any, ...]]
    web: Web
    tokens: dict[str, str] = field(default_factory=dict)

    def person(self, role: str = "officer", email: str = "", *, one_time: bool = False) -> UUID:
        """An account whose password is `PASSWORD`."""
        made = uuid4()
        with self.casework.archive.engine.begin() as connection:
            connection.execute(
                insert(account).values(
                    id=made,
                    email=email or f"{role}.{made.hex[:6]}@force.example",
                    role=role,
                    password_hash=CHEAP_HASH,
                    must_change_password=one_time,
                    active=True,
                    created_at=self.casework.at,
                )
            )
        return made

    def case(self, reference: str, officer: UUID, title: str | None = None):
        with self.casework.archive.engine.begin() as connection:
            return open_case(
                connection, reference, officer=officer, title=title, at=self.casework.at, actor=f"account:{officer}"
            )

    def join(self, case_id: UUID, person: UUID) -> None:
        with self.casework.archive.engine.begin() as connection:
            connection.execute(insert(case_member).values(case_id=case_id, account_id=person, since=self.casework.at))

    def browser(self, person: UUID | None = None) -> Browser:
        """A browser, signed in if a person is given."""
        client = self.app.test_client()
        if person:
            with self.casework.archive.engine.begin() as connection:
                token = sessions.begin(connection, person, now=self.casework.at)
            client.set_cookie("holdfast", token)
        return Browser(client)

    def entries(self, action: str) -> list[dict[str, Any]]:
        """Payloads of the custody entries of one action, oldest first."""
        import json

        query = (
            select(custody_payload.c.body)
            .join(custody_entry, custody_entry.c.id == custody_payload.c.entry_id)
            .order_by(custody_entry.c.id)
        )
        with self.casework.archive.engine.connect() as connection:
            found = [json.loads(bytes(body)) for body in connection.execute(query).scalars()]
        return [payload for payload in found if payload["action"] == action]


@dataclass
class Browser:
    """A browser without scripts: follows forms by the token their page carries."""

    client: FlaskClient

    def get(self, path: str, **more: Any):
        return self.client.get(path, **more)

    def text(self, path: str) -> str:
        answer = self.client.get(path)
        assert answer.status_code == 200, (path, answer.status_code, answer.headers.get("Location"))
        return answer.get_data(as_text=True)

    def token(self, path: str) -> str:
        found = TOKEN.search(self.text(path))
        assert found, f"no form on {path}"
        return unescape(found[1])

    def post(self, path: str, data: dict[str, Any] | None = None, *, form_on: str | None = None):
        token = self.token(form_on or path)
        return self.client.post(path, data={**(data or {}), "csrf_token": token})


def make_site(installation, **changes: Any) -> Site:
    casework = Casework(installation.archive, installation.sequencer)
    nudged: list[tuple[Any, ...]] = []
    web = Web(
        engine=installation.engine,
        vault=installation.vault,
        now=casework.now,
        secret_key=b"tests only, 32 bytes and no more",
        nudge=lambda job, *ids: nudged.append((job, *ids)),
        secure_cookies=False,
    )
    web = replace(web, **changes)
    return Site(casework, create_app(web), nudged, web)
