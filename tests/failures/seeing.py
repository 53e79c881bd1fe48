"""Everything that can be seen of a house after a run: rows, objects, the mailbox, the carriers, and what commands say."""

import hashlib
import json
import sqlite3
import time
from collections import Counter
from contextlib import closing
from email import message_from_bytes
from pathlib import Path

from sqlalchemy import Connection, func, select, text
from sqlalchemy.exc import SQLAlchemyError

from archive import tlog
from archive.ledger import checkpoint_note
from archive.sequencer import last_kept
from archive.signed_note import Checkpoint, Note
from archive.tables import acquisition, alert, checkpoint, contributor_contact, custody_leaf, exhibit, reply
from archive.vault import Vault
from tests.failures.house import CASE, House
from tests.failures.judgement import Held, Outbound, Reply, Seen
from tests.failures.relay import Relay
from tests.failures.traffic import DESK, NEVER_ANSWERED, Told, content_digest

ORIGINALS = "items/"
WAITS = {
    "to archive": "SELECT count(*) FROM acquisition WHERE state = 'received'",
    "parked": "SELECT count(*) FROM acquisition WHERE state = 'parked'",
    "to read": "SELECT count(*) FROM exhibit e WHERE NOT EXISTS (SELECT FROM reading r WHERE r.exhibit_id = e.id)",
    "to decide": "SELECT count(*) FROM exhibit e WHERE NOT EXISTS (SELECT FROM reply_item r WHERE r.exhibit_id = e.id)",
    "to sequence": "SELECT count(*) FROM custody_pending",
    "answers planned": "SELECT count(*) FROM reply WHERE state = 'planned'",
    "to seal": "SELECT (SELECT count(*) FROM custody_leaf) - (SELECT coalesce(max(size), 0) FROM checkpoint)",
}
STUCK_SECONDS = 30.0
ATTEMPTING = {"answers attempted": "SELECT count(*) FROM reply WHERE state = 'attempting'"}


def unfinished(house: House, *, attempts_too: bool) -> dict[str, int]:
    """What has not come to its end, and how many of each; an attempt that was cut off ends minutes later."""
    try:
        with house.engine.connect() as connection:
            waits = {
                what: connection.execute(text(query)).scalar_one()
                for what, query in (WAITS | (ATTEMPTING if attempts_too else {})).items()
            }
            missing = _texts(house).keys() - set(connection.execute(select(acquisition.c.source_id)).scalars())
    except SQLAlchemyError as error:  # it may be the database that was killed
        return {f"the database: {type(error).__name__}": 1}
    waits |= {"in the inbox": len(_inbox(house)), "known to Twilio alone": len(missing)}
    return {what: number for what, number in waits.items() if number}


def stuck(house: House) -> dict[str, int]:
    """What waits at every one of many looks: the house goes on by its schedule meanwhile, and enters what it does."""
    waits = unfinished(house, attempts_too=False)
    give_up_at = time.monotonic() + STUCK_SECONDS
    while waits and time.monotonic() < give_up_at:
        time.sleep(0.3)
        found = unfinished(house, attempts_too=False)
        waits = {what: number for what, number in found.items() if what in waits}
    return waits


def see(house: House, relay: Relay, told: Told, folder: Path) -> Seen:
    """Look at everything; commands run against the house as an operator would run them."""
    reconcile = _command(house, "reconcile")
    with house.engine.connect() as connection:
        held = _held(connection, house.vault)
        keys = set(connection.execute(select(exhibit.c.vault_key)).scalars())
        replies = _replies(connection)
        alerts = Counter(connection.execute(select(alert.c.kind)).scalars())
        ledger = ledger_faults(connection, Path(house.environment["HOLDFAST_CHECKPOINT_FILE"]))
    texts = _texts(house)
    return Seen(
        thanked={sid: _sha256(body) for sid, body in relay.thanked.items()},
        texts=frozenset(texts),
        media={name: digest for one in texts.values() for name, digest in one.items()},
        mails=frozenset(told.mails),
        doubtful=frozenset(told.doubtful),
        mailbox=frozenset(content_digest(path.read_bytes()) for path in [*_inbox(house), *_archived(house)]),
        inbox=len(_inbox(house)),
        held=held,
        strays=sorted(set(_versions(house.vault)) - keys),
        unfinished=stuck(house),
        ledger=ledger,
        audit=_command(house, "audit"),
        package=_package(house, folder),
        reconcile=reconcile,
        replies=replies,
        outbound=[*_outbound_texts(house), *_outbound_mails(house)],
        never=frozenset(NEVER_ANSWERED),
        alerts=alerts,
        refused={status: many for status, many in relay.statuses.items() if not (status < 300 or status >= 500)},
    )


def _held(connection: Connection, vault: Vault) -> list[Held]:
    query = select(acquisition, exhibit.c.vault_key, exhibit.c.vault_version).join(
        exhibit, exhibit.c.id == acquisition.c.id
    )
    versions = _versions(vault)
    return [_one(row, vault, versions) for row in connection.execute(query)]


def _one(row, vault: Vault, versions: Counter) -> Held:
    raw = b"".join(vault.stream(row.vault_key, row.vault_version))
    return Held(
        channel=row.channel,
        source_id=row.source_id,
        recorded=row.sha256,
        read=_sha256(raw),
        content=content_digest(raw),
        versions=versions[row.vault_key],
        reconciled=row.door.get("channel_of_receipt") == "reconciled",
    )


def _versions(vault: Vault) -> Counter:
    return Counter(one.key for page in vault.versions(ORIGINALS) for one in page)


def ledger_faults(connection: Connection, outside: Path) -> list[str]:
    """Whether leaves, the newest checkpoint and the copy outside the database tell one story, computed anew."""
    leaves = connection.execute(select(custody_leaf.c.leaf_index, custody_leaf.c.leaf).order_by("leaf_index")).all()
    size = connection.execute(select(func.max(checkpoint.c.size))).scalar_one()
    newest = Checkpoint.parse(Note.parse(checkpoint_note(connection, size)).text)
    kept = last_kept(outside)
    found = []
    if [leaf.leaf_index for leaf in leaves] != list(range(len(leaves))):
        found.append("leaves have gaps")
    if _root([bytes(leaf.leaf) for leaf in leaves[:size]]) != newest.root:
        found.append(f"the root over {size} leaves is not the one that was signed")
    if kept is None or Checkpoint.parse(kept.text).size < size:
        found.append("the checkpoint kept outside is missing or behind")
    return found


def _root(leaves: list[bytes]) -> bytes:
    added = tlog.append_nodes(0, [], [tlog.leaf_hash(leaf) for leaf in leaves])
    size, frontier = tlog.frontier_after(0, [], added)
    return tlog.root(size, frontier)


def _replies(connection: Connection) -> list[Reply]:
    query = select(reply.c.id, reply.c.state, reply.c.provider_id, contributor_contact.c.value).join(
        contributor_contact, contributor_contact.c.id == reply.c.contact_id
    )
    return [Reply(str(row.id), row.value, row.state, row.provider_id) for row in connection.execute(query)]


def _twilio(house: House, query: str) -> list:
    path = house.home / "twilio" / "twilio.sqlite"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as store:
        return store.execute(query).fetchall()


def _texts(house: House) -> dict[str, dict[str, str]]:
    """Every text Twilio had for us, with its pictures and their digests."""
    rows = _twilio(
        house,
        "SELECT m.sid, d.sid, d.content FROM message m LEFT JOIN media d ON d.message_sid = m.sid"
        " WHERE m.direction = 'inbound'",
    )
    found: dict[str, dict[str, str]] = {}
    for sid, media_sid, content in rows:
        pictures = found.setdefault(sid, {})
        if media_sid:
            pictures[f"{sid}/{media_sid}"] = _sha256(content)
    return found


def _outbound_texts(house: House) -> list[Outbound]:
    rows = _twilio(house, "SELECT sid, recipient FROM message WHERE direction <> 'inbound'")
    return [Outbound(sid, recipient) for sid, recipient in rows]


def let_time_pass(house: House, seconds: int) -> None:
    """Make every text older at Twilio: `reconcile` leaves alone what may be on its way still."""
    with closing(sqlite3.connect(house.home / "twilio" / "twilio.sqlite", timeout=30)) as store, store:
        store.execute("UPDATE message SET created_at = created_at - ?", (seconds,))


def _outbound_mails(house: House) -> list[Outbound]:
    mails = [message_from_bytes(path.read_bytes()) for path in _files(house.home / "mail" / "outbox")]
    return [Outbound(one["Message-ID"], one["To"]) for one in mails if one["To"] != DESK]


def _inbox(house: House) -> list[Path]:
    return _files(house.home / "mail" / "desk")


def _archived(house: House) -> list[Path]:
    return _files(house.home / "mail" / "desk" / ".Archived")


def _files(folder: Path) -> list[Path]:
    """The messages of a Maildir."""
    if not folder.exists():
        return []
    return [path for name in ("new", "cur") for path in sorted((folder / name).iterdir())]


def _command(house: House, name: str) -> list[str]:
    """Run a command that must find nothing wrong, and say in sentences what it found."""
    done = house.command(name, "--json")
    try:
        document = json.loads(done.stdout)
    except ValueError:
        return [f"exit {done.returncode}: {done.stderr[-500:]}"]
    said = [f"{one['kind']} {one['place']}: {one['says']}" for one in document.get("faults", [])]
    for source in document.get("sources", []):
        said += [f"{gap['id']}: {gap['because']}" for gap in source.get("gaps", []) if not gap["explained"]]
        if not source["compared"]:
            said.append(f"{source['source']} was not compared: {source['because']}")
        elif source["taken"]:
            said.append(f"{source['source']}: {source['taken']} were still missing")
    return said or ([] if done.returncode == 0 else [f"exit {done.returncode}: {done.stdout[-500:]}"])


def _package(house: House, folder: Path) -> list[str]:
    """Build the case's package and verify it, every proof of it, under the policy this installation publishes."""
    package, policy = folder / "package.zip", folder / "policy"
    package.unlink(missing_ok=True)
    built = house.command("package", CASE, "-o", str(package))
    if built.returncode:
        return [f"not built: {built.stderr[-500:]}"]
    policy.write_text(json.loads(house.command("key", "policy", "--json").stdout)["policy"])
    done = house.command("verify", str(package), "--policy", str(policy))
    return [] if done.returncode == 0 else [f"not verified: {done.stdout[-500:]}"]


def _sha256(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()
