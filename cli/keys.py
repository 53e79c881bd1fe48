"""The ledger's signing keys: made, announced, retired, listed. Only the sequencer ever reads the secret halves."""

from __future__ import annotations

import os
from pathlib import Path

import click
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from archive import log_keys
from archive.signed_note import SigningKey, VerifierKey
from cli import composition
from cli.options import ToldError, actor, as_json, home, print_json, settings_with_services, telling_errors
from settings import Settings

reason_option = click.option("--reason", required=True, help="Why; it stands in the ledger.")


@click.group()
def key() -> None:
    """Make, announce, retire and list the ledger's signing keys."""


@key.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@as_json
@telling_errors
def create(file: Path, *, as_json: bool) -> None:
    """Make a signing key in a new file (PKCS #8 PEM, mode 0400) and print its verifier key. Tells nobody else."""
    made = SigningKey(Settings.from_environment(os.environ).origin, Ed25519PrivateKey.generate())
    secret = made.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        file.touch(mode=0o600, exist_ok=False)
        file.write_bytes(secret)
        file.chmod(0o400)
    except OSError as error:
        raise ToldError(f"{file}: {error.strerror}; nothing was written over") from error
    _say({"file": str(file), "verifier_key": made.verifier.encode()}, made.verifier.encode(), as_json=as_json)


@key.command()
@click.argument("verifier_key")
@reason_option
@as_json
@home
@telling_errors
def rotate(verifier_key: str, reason: str, *, as_json: bool, home: Path) -> None:
    """Announce the next key in the ledger, under the one that signs now; then both sign."""
    new = VerifierKey.parse(verifier_key)
    with settings_with_services(home) as settings, composition.transaction(settings) as connection:
        log_keys.announce(connection, new, at=composition.now(), actor=actor(), reason=reason)
    _say(
        {"announced": new.encode()},
        "announced. Now set HOLDFAST_NEXT_SIGNING_KEY_FILE, start the sequencer again and publish the policy "
        "(`holdfast key policy`); both keys sign from then on",
        as_json=as_json,
    )


@key.command()
@click.argument("verifier_key")
@click.option("--stolen", is_flag=True, help="It is in other hands: the published policy no longer trusts it.")
@reason_option
@as_json
@home
@telling_errors
def retire(verifier_key: str, reason: str, *, stolen: bool, as_json: bool, home: Path) -> None:
    """End a key: the sequencer signs nothing more with it. Packages made under it still verify."""
    old = VerifierKey.parse(verifier_key)
    with settings_with_services(home) as settings, composition.transaction(settings) as connection:
        log_keys.retire(
            connection,
            old,
            because="stolen" if stolen else "replaced",
            at=composition.now(),
            actor=actor(),
            reason=reason,
        )
    _say(
        {"retired": old.encode(), "stolen": stolen},
        "retired. Now put the next key's file into HOLDFAST_SIGNING_KEY_FILE, unset HOLDFAST_NEXT_SIGNING_KEY_FILE, "
        "start the sequencer again and publish the policy (`holdfast key policy`)",
        as_json=as_json,
    )


@key.command("list")
@as_json
@home
@telling_errors
def list_(*, as_json: bool, home: Path) -> None:
    """Print every key the ledger was ever signed with, and which sign now."""
    with settings_with_services(home) as settings, composition.transaction(settings) as connection:
        found = log_keys.log_keys(connection)
    lines = [f"{each.key.encode()}  {each.retired_because or 'signs'}" for each in found]
    documents = [
        {"verifier_key": each.key.encode(), "signs": each.retired_at is None, "ended": each.retired_because}
        for each in found
    ]
    _say({"keys": documents}, "\n".join(lines) or "no sequencer has begun this ledger yet", as_json=as_json)


@key.command()
@as_json
@home
@telling_errors
def policy(*, as_json: bool, home: Path) -> None:
    """Print the trust policy to publish: keys, witnesses, quorum. Publish it where you cannot quietly change it."""
    with settings_with_services(home) as settings, composition.transaction(settings) as connection:
        text = composition.trust_policy(settings, connection)
    _say({"policy": text}, text.rstrip("\n"), as_json=as_json)


def _say(document: dict[str, object], sentence: str, *, as_json: bool) -> None:
    if as_json:
        print_json(document)
    else:
        click.echo(sentence)
