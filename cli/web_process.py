"""The web process: doors and pages in one application."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import TYPE_CHECKING

from flask import Blueprint

from cli import carriers, composition
from intake.authenticity.resolver import OFF
from intake.sms import TextDoor, make_door_app
from intake.twilio_signature import Signatures
from replies.delivery import note
from settings import Settings, SettingsError
from web.app import create_app
from web.brand import Brand, parse_services
from web.collaborators import Web
from web.translations import catalogue
from workers.queue import make_nudge

if TYPE_CHECKING:  # the standard library has these for type checkers alone
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


INTAKE = "/intake/"


def make_app(settings: Settings) -> WSGIApplication:
    """The application of one web process: doors for programs before pages for people.

    A door needs no session, no form token and no limit that a shared address could turn against a victim; going past
    all of these, it answers in a fraction of the time (docs/decisions/0010).
    """
    engine = composition.app_engine(settings, pool_size=settings.web_threads)
    nudge = make_nudge(settings.need("broker_url"))
    pages = create_app(
        Web(
            engine=engine,
            vault=composition.vault(settings, connections=settings.web_threads),
            now=composition.now,
            secret_key=composition.secret(settings, "sessions"),
            brand=brand(settings),
            public_url=settings.public_url,
            nudge=nudge,
            limits_url=settings.need("broker_url"),
            secure_cookies=settings.public_url.startswith("https://"),
            proxies=settings.proxies,
            doors=tuple(_demonstration(settings, engine)),
            demo=settings.demo,
            links=carriers.link_desk(settings, engine),
            upload_limits=composition.upload_limits(settings),
            upload_slots=max(1, settings.web_threads // 2),
            dns=settings.dns_resolvers.strip().lower() != OFF,
            receipts=composition.receipts(settings),
            signals=composition.signals(settings),
        )
    )
    if not settings.twilio_account_sid:
        return pages
    doors = make_door_app(
        TextDoor(
            engine=engine,
            signatures=signatures(settings),
            account_sid=settings.twilio_account_sid,
            public_url=settings.public_url,
            now=composition.now,
            nudge=nudge,
            undelivered=note,
        )
    )

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        chosen = doors if environ.get("PATH_INFO", "").startswith(INTAKE) else pages
        return chosen(environ, start_response)

    return application


def signatures(settings: Settings) -> Signatures:
    """The keys whose signatures on webhooks are good.

    Raises:
        SettingsError: No token is set, or a shared key has not the form `<key id>:<secret>`.
    """
    keys = [each.partition(":") for each in settings.twilio_shared_keys]
    if not all(key_id and secret for key_id, _, secret in keys):
        raise SettingsError("HOLDFAST_TWILIO_SHARED_KEYS", "each is `<key id>:<secret>`")
    tokens = (settings.need("twilio_auth_token"), settings.twilio_auth_token_secondary)
    return Signatures(tuple(each for each in tokens if each), {key_id: secret for key_id, _, secret in keys})


def _demonstration(settings: Settings, engine: composition.Engine) -> list[Blueprint]:
    if not settings.demo or not settings.twilio_api_url:
        return []
    from web import demo

    network = demo.Network(
        engine,
        settings.twilio_api_url,
        settings.need("twilio_account_sid"),
        settings.need("twilio_auth_token"),
    )
    return [demo.make_blueprint(network)]


def brand(settings: Settings) -> Brand:
    """Names, numbers and links of the body that runs this installation.

    Raises:
        SettingsError: One of them cannot be shown, or not in that language.
    """
    prefix = "brand_"
    given = {
        about.name.removeprefix(prefix): getattr(settings, about.name)
        for about in fields(settings)
        if about.name.startswith(prefix)
    }
    given["services"] = parse_services(given["services"].splitlines())
    given["silent_code"] = given["silent_code"].replace("none", "")
    try:
        catalogue(settings.brand_language)
    except ValueError as error:
        raise SettingsError("HOLDFAST_LANGUAGE", str(error)) from error
    try:
        return Brand(
            **given,
            intake_number=settings.twilio_number or "",
            intake_address=settings.mail_from,
            intake_alias=composition.alias_pattern(settings),
        )
    except ValueError as error:
        raise SettingsError("HOLDFAST_BRAND_COLOUR, HOLDFAST_EXIT_LINK and the other links", str(error)) from error
