"""The house that tests of answers happen in."""

from uuid import uuid4

import pytest
from sqlalchemy import insert

from archive.case import open_case
from archive.contributor import Contact, ContactKind, ReplyStyle, SafeContact, enrol
from archive.tables import account
from tests.replies.house import Carrier, House
from tests.replies.people import ADDRESS, NOW, NUMBER


@pytest.fixture
def house(installation):
    officer = uuid4()
    agreed = SafeContact(ReplyStyle.DISCREET)
    contacts = [Contact(ContactKind.PHONE, NUMBER), Contact(ContactKind.EMAIL, ADDRESS)]
    with installation.engine.begin() as connection:
        connection.execute(
            insert(account).values(
                id=officer, email="o@example.net", role="officer", password_hash="x", must_change_password=False,
                active=True, created_at=NOW,
            )
        )  # fmt: skip
        opened = open_case(connection, "42/1/26", officer=officer, title=None, at=NOW, actor="cli:test")
        amy = enrol(
            connection, opened.id, name="Amy Carter", contacts=contacts, safe_contact=agreed, at=NOW, actor="cli:test"
        )
    return House(installation, Carrier(), opened.id, amy)
