"""Accounts, cases and contributors from the command line; each act is a custody entry by `cli:<user>`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, time
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

import click

from archive.alias import end_alias, give_alias, live_aliases
from archive.case import case_of, open_case
from archive.contributor import Contact, ContactKind, Language, ReplyStyle, SafeContact, enrol
from archive.offender import doubt_named
from cli import composition
from cli.options import actor, as_json, home, print_json, settings_with_services, telling_errors
from cli.whom import contributor_in
from intake.addresses import normal_email, normal_phone
from replies.errors import WordingRefusedError
from replies.wording import checked
from settings import Settings

PRIVATE = {"duress_mark": "The word that says she cannot speak freely", "stop_mark": "The words that end answers"}
ROLES = ("officer", "supervisor", "disclosure", "auditor", "administrator")


@click.group()
def user() -> None:
    """Accounts of this installation."""


@user.command("add")
@click.argument("email")
@click.option("--role", type=click.Choice(ROLES), required=True)
@as_json
@home
@telling_errors
def add_user(email: str, role: str, *, as_json: bool, home: Path) -> None:
    """Add an account and print its one-time password, to be changed at first sign-in."""
    from web.accounts import add_account

    with settings_with_services(home) as settings, composition.transaction(settings) as connection:
        password = add_account(connection, email, role, at=composition.now(), actor=actor())
    if as_json:
        print_json({"email": email, "password": password})
    else:
        click.echo(f"{email} may sign in once with: {password}")


@click.group()
def case() -> None:
    """Cases."""


@case.command("open")
@click.argument("reference")
@click.option("--officer", required=True, help="E-mail address of the officer in case.")
@click.option("--title", default=None)
@as_json
@home
@telling_errors
def open_(reference: str, officer: str, title: str | None, *, as_json: bool, home: Path) -> None:
    """Open a case under the force's own reference."""
    from web.accounts import account_by_email

    with settings_with_services(home) as settings, composition.transaction(settings) as connection:
        account = account_by_email(connection, officer)
        opened = open_case(connection, reference, officer=account.id, title=title, at=composition.now(), actor=actor())
    if as_json:
        print_json({"case": opened.reference, "slug": opened.slug, "id": str(opened.id)})
    else:
        click.echo(f"opened {opened.reference}: /cases/{opened.slug}")


@click.group()
def contributor() -> None:
    """People who may send in material."""


def _quiet(text: str | None) -> tuple[time, time] | None:
    if text is None:
        return None
    first, _, last = text.partition("-")
    try:
        return time.fromisoformat(first), time.fromisoformat(last)
    except ValueError as error:
        raise click.BadParameter("write it as 22:00-07:00", param_hint="--quiet") from error


def _contacts(phones: tuple[str, ...], emails: tuple[str, ...]) -> list[Contact]:
    contacts = []
    for written in phones:
        number = normal_phone(written)
        if number is None:
            raise click.BadParameter(f"{written!r} is no telephone number", param_hint="--phone")
        contacts.append(Contact(ContactKind.PHONE, number))
    for written in emails:
        address = normal_email(written)
        if address is None:
            raise click.BadParameter(f"{written!r} is no e-mail address", param_hint="--email")
        contacts.append(Contact(ContactKind.EMAIL, address))
    return contacts


@contributor.command("enrol")
@click.argument("reference")
@click.option("--name", required=True)
@click.option("--phone", "phones", multiple=True, help="Number she forwards from; may be given several times.")
@click.option("--email", "emails", multiple=True, help="Address she forwards from; may be given several times.")
@click.option("--alias", "by_alias", is_flag=True, help="Only by an address of her own: nothing else is known yet.")
@click.option("--reply", type=click.Choice([style.value for style in ReplyStyle]), default="none", show_default=True)
@click.option("--quiet", default=None, help="Local times with no answer: 22:00-07:00.")
@click.option("--timezone", default="Europe/London", show_default=True, help="IANA zone of quiet hours and days.")
@click.option("--language", type=click.Choice([each.value for each in Language]), default="en", show_default=True)
@click.option("--wording", default=None, help="Her own words for an answer, sent exactly so.")
@click.option("--questions", is_flag=True, help="She agreed to be asked who sent a forwarded text, and when.")
@click.option("--duress", is_flag=True, help="Ask here, unseen, for the word that says she cannot speak freely.")
@click.option("--stop-words", is_flag=True, help="Ask here, unseen, for the words that end answers.")
@click.option("--links", is_flag=True, help="She agreed that personal links may be sent there.")
@click.option("--review-by", type=click.DateTime(["%Y-%m-%d"]), default=None, help="Last day the agreement stands.")
@as_json
@home
@telling_errors
def enrol_(
    reference: str,
    name: str,
    phones: tuple[str, ...],
    emails: tuple[str, ...],
    reply: str,
    quiet: str | None,
    timezone: str,
    language: str,
    wording: str | None,
    review_by: date | None,
    *,
    by_alias: bool,
    questions: bool,
    duress: bool,
    stop_words: bool,
    links: bool,
    as_json: bool,
    home: Path,
) -> None:
    """Enrol a person on a case, and give her an address of her own. Without --reply she is never answered."""
    contacts = _contacts(phones, emails)
    if not contacts and not by_alias:
        raise click.UsageError("give at least one --phone or --email, or --alias: nobody can be recognised by a name")
    if (links or questions) and reply == ReplyStyle.NONE:
        hint = "--links" if links else "--questions"
        raise click.BadParameter("who is never answered is sent nothing else: give --reply too", param_hint=hint)
    agreed = SafeContact(
        ReplyStyle(reply),
        wording=_wording(wording),
        quiet=_quiet(quiet),
        timezone=_zone(timezone),
        review_by=_day(review_by),
        links_allowed=links,
        language=Language(language),
        questions_allowed=questions,
    )
    private = {"duress_mark": duress, "stop_mark": stop_words}
    words = {name: click.prompt(PRIVATE[name], hide_input=True) for name, asked in private.items() if asked}
    with settings_with_services(home) as settings, composition.transaction(settings) as connection:
        person = enrol(
            connection,
            case_of(connection, reference).id,
            name=name,
            contacts=contacts,
            safe_contact=replace(agreed, **_marks(settings, words)),
            at=composition.now(),
            actor=actor(),
        )
        doubted = doubt_named(connection, person, at=composition.now())
        given = give_alias(connection, person, at=composition.now(), actor=actor())
        address = given.address(composition.alias_pattern(settings))
    if as_json:
        told = {"contributor": str(person.id), "name": person.name, "initials": person.initials, "alias": address}
        print_json(told)
    else:
        click.echo(f"enrolled {person.name}; her exhibits are {person.initials}/1 and on")
        for contact in doubted:
            click.echo(f"{contact.value} was named in evidence before: not answered until settled on her page")
        click.echo(f"an address of her own, for mail to this case: {address}")


@contributor.command("alias")
@click.argument("reference")
@click.argument("who")
@click.option("--renew", is_flag=True, help="Give a new one: the one before was learnt by somebody else.")
@click.option("--end", is_flag=True, help="End it and give none.")
@as_json
@home
@telling_errors
def alias_(reference: str, who: str, *, renew: bool, end: bool, as_json: bool, home: Path) -> None:
    """Show a contributor's address of her own; without one, give it. WHO is a name or an id."""
    if renew and end:
        raise click.UsageError("--renew or --end, not both")
    with settings_with_services(home) as settings, composition.transaction(settings) as connection:
        case = case_of(connection, reference)
        person = contributor_in(connection, case, who)
        found = live_aliases(connection, case.id).get(person.id)
        if end:
            end_alias(connection, person, at=composition.now(), actor=actor())
            found = None
        elif renew or found is None:
            found = give_alias(connection, person, at=composition.now(), actor=actor())
        address = found.address(composition.alias_pattern(settings)) if found else None
    if as_json:
        print_json({"contributor": str(person.id), "alias": address})
    elif found is None:
        click.echo(f"{person.name} has no address of her own any more")
    else:
        click.echo(
            address or "she has one; only its digest is known since the index was rebuilt: --renew gives another"
        )


def _marks(settings: Settings, words: Mapping[str, str]) -> dict[str, Any]:
    signals = composition.signals(settings) if words else None
    try:
        return {name: signals.mark(word) for name, word in words.items() if signals}
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _wording(words: str | None) -> str | None:
    try:
        return checked(words) if words else None
    except WordingRefusedError as error:
        raise click.BadParameter(str(error), param_hint="--wording") from error


def _zone(name: str) -> str:
    if name not in available_timezones():
        raise click.BadParameter("write it like Europe/London", param_hint="--timezone")
    return name


def _day(moment: date | None) -> date | None:
    return date(moment.year, moment.month, moment.day) if moment else None
