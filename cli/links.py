"""Personal links from the command line: made, shown once, sent if they may be."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from archive.acquisition import rendered
from archive.case import case_of
from archive.contributor import Contact, Contributor
from archive.link import LinkKind, Terms
from cli import carriers, composition
from cli.options import ToldError, actor, as_json, home, print_json, settings_with_services, telling_errors
from cli.whom import contributor_in
from intake.addresses import normal_email, normal_phone
from replies.link_sending import Issued, LinkDesk, issue_link, send_link, state_of
from replies.links import WITHHELD, preferred
from replies.outcome import Sent
from replies.policy import Silent
from settings import Settings

USUAL_DAYS, MOST_DAYS = 14, 365
SAID = {"failed": "was not sent", "unknown": "may or may not have been sent"}


@click.group()
def link() -> None:
    """Personal links, with which contributors write a diary or upload files."""


def _options(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(
        (
            click.argument("reference", metavar="CASE"),
            click.argument("contributor"),
            click.option("--pin", is_flag=True, help="Ask for a PIN, which is printed here once."),
            click.option(
                "--days",
                type=click.IntRange(1, MOST_DAYS),
                default=USUAL_DAYS,
                show_default=True,
                help="For how many days the link works.",
            ),
            click.option("--one-time", is_flag=True, help="The link ends with its first completed use."),
            click.option("--shows-earlier", is_flag=True, help="She chose that it shows what she saved before."),
            click.option("--send", is_flag=True, help="Send it to her, if what she agreed to allows it now."),
            click.option("--to", default=None, help="With --send: to which number or address of hers."),
            as_json,
            home,
        )
    ):
        command = option(command)
    return command


@link.command("diary")
@_options
@telling_errors
def diary(**given: Any) -> None:
    """Make a link to a diary for CONTRIBUTOR (a name or an id) of CASE, and print it this once."""
    _make(LinkKind.DIARY, **given)


@link.command("upload")
@_options
@telling_errors
def upload(**given: Any) -> None:
    """Make a link for uploads for CONTRIBUTOR (a name or an id) of CASE, and print it this once."""
    _make(LinkKind.UPLOAD, **given)


def _make(
    kind: LinkKind,
    *,
    reference: str,
    contributor: str,
    pin: bool,
    days: int,
    one_time: bool,
    shows_earlier: bool,
    send: bool,
    to: str | None,
    as_json: bool,
    home: Path,
) -> None:
    from web import pins

    if to is not None and not send:
        raise click.UsageError("--to says where to --send it")
    chosen = pins.new_pin() if pin else None
    with settings_with_services(home) as settings, closing(_Desk(settings)) as opened:
        desk = opened.desk
        with desk.engine.connect() as connection:
            person = contributor_in(connection, case_of(connection, reference), contributor)
        pin_hash = pins.hash_pin(chosen) if chosen else None
        expires_at = desk.now() + timedelta(days=days)
        terms = Terms(kind, expires_at, one_time=one_time, shows_earlier=shows_earlier, pin_hash=pin_hash)
        made = _issued(desk, person, terms, to) if send else issue_link(desk, person, terms, actor=actor())
    _tell(made, person, chosen, as_json=as_json)
    if made.outcome is not None and not isinstance(made.outcome, Sent):
        raise ToldError(
            f"the link was made, and its message {SAID[state_of(made.outcome)]}: {made.outcome.because}; it is never "
            "sent again: give her the link by another safe way, or revoke it"
        )


class _Desk:
    """A desk of one command, whose connections end with it."""

    def __init__(self, settings: Settings) -> None:
        self.desk = carriers.link_desk(settings, composition.app_engine(settings, pool_size=2))

    def close(self) -> None:
        self.desk.engine.dispose()


def _issued(desk: LinkDesk, person: Contributor, terms: Terms, to: str | None) -> Issued:
    made = send_link(desk, person, _contact(person, to), terms, actor=actor())
    if isinstance(made, Silent):
        raise ToldError(f"nothing was sent, and no link was made. {WITHHELD[made.reason]}")
    return made


def _contact(person: Contributor, to: str | None) -> Contact:
    wanted = None if to is None else normal_phone(to) or normal_email(to)
    known = [contact for contact in person.contacts if contact.value == wanted]
    found = preferred(person) if to is None else next(iter(known), None)
    if found is None:
        contacts = ", ".join(contact.value for contact in person.contacts)
        raise ToldError(f"{to!r} is not a number or address of {person.name}; enrolled are {contacts}")
    return found


def _tell(made: Issued, person: Contributor, pin: str | None, *, as_json: bool) -> None:
    if as_json:
        document = {
            "link": made.address,
            "id": str(made.link.id),
            "kind": made.link.kind.value,
            "contributor": str(person.id),
            "pin": pin,
            "expires_at": rendered(made.link.expires_at),
            "one_time": made.link.one_time,
            "shows_earlier": made.link.shows_earlier,
            "sent": None if made.outcome is None else isinstance(made.outcome, Sent),
        }
        print_json(document)
        return
    click.echo(made.address)
    click.echo(f"For {person.name}, until {made.link.expires_at:%d %B %Y %H:%M} UTC. Shown this once, kept nowhere.")
    if pin:
        click.echo(f"PIN: {pin}. Tell it by word of mouth, never together with the link.")
