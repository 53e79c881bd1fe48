"""What one run of the demonstration stands on: an officer, a case, two contributors with numbers of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import click
from sqlalchemy import Connection, func, select

from archive.case import Case, open_case
from archive.contributor import Contact, ContactKind, ReplyStyle, SafeContact, enrol
from archive.tables import case, contributor_contact
from cli.options import actor
from services.samples.story import Person, Story
from web.accounts import account_by_email, add_account

TITLE = "Maya Ellis (demonstration)"
REVIEW_AFTER = timedelta(days=90)
# Of the numbers that Ofcom keeps for drama (07700 900000 to 900999): those that only contributors get.
FIRST_NUMBER, NUMBERS = 447700900200, 240


@dataclass(frozen=True, slots=True)
class Stage:
    """One run's own case.

    Attributes:
        case: The case.
        officer: E-mail address of the officer in case; `password` works once.
        people: Everybody in the story, contributors with their numbers and addresses.
    """

    case: Case
    officer: str
    password: str
    people: Mapping[str, Person]


def set_stage(connection: Connection, story: Story, *, now: datetime) -> Stage:
    """Open a fresh case and enrol its contributors under numbers and addresses that no case has yet.

    An earlier run's numbers stay enrolled on its own case: a sender enrolled twice would be ambiguous.
    """
    run = _runs(connection) + 1
    officer = f"officer.{run}@force.example"
    password = add_account(connection, officer, "officer", at=now, actor=actor())
    officer_id = account_by_email(connection, officer).id
    opened = open_case(connection, f"42/DEMO-{run}/26", officer=officer_id, title=TITLE, at=now, actor=actor())
    people = dict(story.people)
    for person in story.contributors:
        people[person.key] = replace(
            person, phone=_free_number(connection), email=f"{person.mailbox}.{run}@post.example"
        )
        _enrol(connection, opened, people[person.key], now)
    return Stage(opened, officer, password, people)


def _runs(connection: Connection) -> int:
    """How many runs this home has seen; nobody else opens cases of this form."""
    numbered = func.substring(case.c.slug, "^42-demo-([0-9]+)-26$")
    found = connection.execute(select(numbered).where(case.c.slug.startswith("42-demo-")))
    return max((int(number) for number in found.scalars() if number), default=0)


def _free_number(connection: Connection) -> str:
    taken = set(connection.execute(select(contributor_contact.c.value)).scalars())
    wanted = (f"+{FIRST_NUMBER + each}" for each in range(NUMBERS))
    found = next((number for number in wanted if number not in taken), None)
    if found is None:
        raise click.ClickException("every number of the demonstration is enrolled: use another --home")
    return found


def _enrol(connection: Connection, opened: Case, person: Person, now: datetime) -> None:
    agreed = SafeContact(
        ReplyStyle(person.reply), review_by=(now + REVIEW_AFTER).date(), who_else_sees=person.who_else_sees
    )
    contacts = [Contact(ContactKind.PHONE, person.phone), Contact(ContactKind.EMAIL, person.email)]
    enrol(connection, opened.id, name=person.name, contacts=contacts, safe_contact=agreed, at=now, actor=actor())
