"""Collecting cosignatures: the newest checkpoint is brought before each witness; what comes back is checked and kept.

Promise: nothing waits for a witness but who asks for one. Only the newest checkpoint is brought; what a witness missed
is covered by its next cosignature, because it cosigns only what continues what it knew. No cosignature is kept that
does not verify. A witness that knows another history than ours is an alert and a custody entry, never a retry.

Source: c2sp.org/tlog-witness, the client's side.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.dialects.postgresql import insert

from archive import tlog
from archive.acquisition import rendered
from archive.alerts import raise_alert
from archive.custody import SYSTEM, Action, CustodyEntry
from archive.errors import NoteRejectedError, NotWitnessedError, PolicyError, WitnessUnreachableError
from archive.ledger import checkpoint_note, checkpoint_size, nodes, record
from archive.marks import get_mark, set_mark
from archive.signed_note import COSIGNATURE, SIZE_PATTERN, Checkpoint, Note, VerifierKey
from archive.tables import checkpoint, cosignature
from archive.witness import SIZE, Submission

ACTOR = "system:witnessing"
ALARM_AFTER = timedelta(hours=1)
# A size the witness tells us, and one more because the ledger grew meanwhile.
TRIES = 3
# In seconds, POSIX; a database cannot keep every time that a witness may sign.
LATEST_TIME = 2**33
MARK = "witness "


@dataclass(frozen=True, slots=True)
class KnownWitness:
    """A witness this installation asks.

    Attributes:
        key: The key its cosignatures verify under.
        url: Where `/add-checkpoint` is added.
        name: What a policy calls it.
    """

    key: VerifierKey
    url: str
    name: str


def parsed_witnesses(words: Sequence[str]) -> tuple[KnownWitness, ...]:
    """Read pairs of verifier key and address.

    Raises:
        PolicyError: A key is no witness's, an address is none, or one is there twice.
    """
    if len(words) % 2:
        raise PolicyError(words[-1], "each witness is a verifier key and an address")
    found: dict[str, KnownWitness] = {}
    for vkey, url in zip(words[::2], words[1::2], strict=True):
        key, parts = VerifierKey.parse(vkey), urlsplit(url)
        if key.kind != COSIGNATURE:
            raise PolicyError(vkey, "this is a log's key, not a witness's")
        # It is published with the policy: no user and no password may stand in it.
        plain = parts.hostname and not (parts.username or parts.password or parts.query or parts.fragment)
        if parts.scheme not in {"http", "https"} or not plain:
            raise PolicyError(parts.hostname or "", "an address is https:// (http:// on this machine), host and path")
        if key.name in found or any(key.public == other.key.public for other in found.values()):
            raise PolicyError(vkey, "the same witness twice")
        found[key.name] = KnownWitness(key, url.rstrip("/"), key.name)
    return tuple(found.values())


@dataclass(frozen=True, slots=True)
class Reply:
    """What a witness answered over HTTP."""

    status: int
    media_type: str
    body: bytes


Post: TypeAlias = Callable[[str, bytes], Reply]
"""`post(address, body)`: bounded in time and size; raises WitnessUnreachableError."""


class State(StrEnum):
    """How a witness stood when it was last asked."""

    COSIGNED = "cosigned"
    AWAY = "away"
    REFUSES = "refuses"
    CONTRADICTS = "contradicts"


@dataclass(frozen=True, slots=True)
class Standing:
    """What one asking came to: the state, and for all but `cosigned` why."""

    state: State
    because: str = ""


@dataclass(frozen=True, slots=True)
class Collector:
    """Asks the witnesses of an installation.

    Attributes:
        engine: On the application's login.
        witnesses: Whom to ask.
        quorum: How many cosignatures make a checkpoint witnessed.
        post: The transport.
        now: The clock.
    """

    engine: Engine
    witnesses: tuple[KnownWitness, ...]
    quorum: int
    post: Post
    now: Callable[[], datetime]

    def collect(self) -> None:
        """Bring the newest checkpoint before every witness that has not cosigned it; all at the same time."""
        if not self.witnesses:
            return
        with ThreadPoolExecutor(len(self.witnesses), thread_name_prefix="witness") as threads:
            list(threads.map(self._bring, self.witnesses))

    def witnessed(self, at_least: int) -> int:
        """Collect, and say which checkpoint a package that needs `at_least` entries is to be closed with.

        Returns:
            The size of the newest checkpoint that the quorum cosigned; `at_least` where nobody is asked.

        Raises:
            NotWitnessedError: The quorum has not cosigned one that is large enough; try again.
        """
        if not self.witnesses:
            return at_least
        self.collect()
        with self.engine.connect() as connection:
            found = witnessed_size(connection, self.witnesses, self.quorum)
        if found < at_least:
            raise NotWitnessedError(at_least, self.quorum)
        return found

    def _bring(self, witness: KnownWitness) -> None:
        told: int | None = None
        standing = Standing(State.AWAY, "the ledger grew faster than it was asked")
        for _ in range(TRIES):
            asked = self._submission(witness, told)
            if asked is None:
                return
            try:
                reply = self.post(f"{witness.url}/add-checkpoint", asked.encode())
            except WitnessUnreachableError as error:
                standing = Standing(State.AWAY, error.because)
                break
            told = _told_size(reply)
            if told is not None and told < asked.old:
                because = f"it says that it cosigned {told} entries, and we hold its cosignature over {asked.old}"
                standing = Standing(State.REFUSES, because)
                break
            if told is not None and not self._is_ahead(told):
                continue
            standing = self._judge(witness, asked, reply, told)
            break
        with self.engine.begin() as connection:
            self._remember(connection, witness, standing)

    def _submission(self, witness: KnownWitness, told: int | None) -> Submission | None:
        """What to bring now: from where the witness stands, by its own word or by ours; None where all is cosigned."""
        with self.engine.connect() as connection:
            newest, last = checkpoint_size(connection), last_cosigned(connection, witness.key)
            if newest in {0, last}:
                return None
            old = last if told is None else told
            found = nodes(connection, tlog.consistency_node_indexes(old, newest))
            proof = tlog.consistency_path(old, newest, lambda level, index: found[level, index])
            note = Note.parse(checkpoint_note(connection, newest))
        return Submission(old, tuple(proof), note, Checkpoint.parse(note.text), b"")

    def _is_ahead(self, told: int) -> bool:
        # Looked up anew: the witness may have cosigned a checkpoint that is younger than our question.
        with self.engine.connect() as connection:
            return told > checkpoint_size(connection)

    def _judge(self, witness: KnownWitness, asked: Submission, reply: Reply, told: int | None) -> Standing:
        size = asked.checkpoint.size
        if reply.status == 200:  # noqa: PLR2004 - the specification's numbers
            return self._keep(witness, asked, reply.body)
        if told is not None:
            return Standing(State.CONTRADICTS, f"it cosigned {told} entries of a ledger that here has {size}")
        if reply.status in {409, 422}:
            return Standing(
                State.CONTRADICTS, f"it cosigned another history than the one here of {size} entries ({reply.status})"
            )
        if reply.status in {400, 403, 404}:
            return Standing(State.REFUSES, f"it answered {reply.status}: does it know this ledger's key?")
        return Standing(State.AWAY, f"it answered {reply.status}")

    def _keep(self, witness: KnownWitness, asked: Submission, body: bytes) -> Standing:
        """Verify what came back as the specification suggests: put behind the note, it must be a note."""
        text = asked.note.text
        try:
            lines = Note.parse(text.encode() + b"\n" + body).signatures
            mine = [line for line in lines if (line.name, line.key_id) == (witness.key.name, witness.key.key_id)]
            time = witness.key.verify(text, mine[0].signature) if mine else None
        except NoteRejectedError as error:
            return Standing(State.REFUSES, str(error))
        if time is None:
            return Standing(State.REFUSES, "its answer holds no cosignature under its key")
        with self.engine.begin() as connection:
            kept = insert(cosignature).values(
                checkpoint_size=asked.checkpoint.size,
                witness=witness.key.encode(),
                line=str(mine[0]),
                cosigned_at=datetime.fromtimestamp(min(time, LATEST_TIME), UTC),
            )
            connection.execute(kept.on_conflict_do_nothing())
        return Standing(State.COSIGNED)

    def _remember(self, connection: Connection, witness: KnownWitness, standing: Standing) -> None:
        name, at = MARK + witness.name, self.now()
        before: dict[str, Any] = get_mark(connection, name) or {}
        since = before["since"] if before.get("state") == standing.state else rendered(at)
        told = before.get("alerted") if before.get("state") == standing.state else None
        if told is None and _is_alarming(standing, since, at):
            told = rendered(at)
            _tell(connection, witness, standing, at)
        found = {"state": standing.state, "because": standing.because, "since": since, "alerted": told}
        set_mark(connection, name, found, at=at)


def last_cosigned(connection: Connection, key: VerifierKey) -> int:
    """The size of the newest checkpoint that a witness has cosigned, as far as we hold it; 0 where none."""
    query = select(func.coalesce(func.max(cosignature.c.checkpoint_size), 0)).where(
        cosignature.c.witness == key.encode()
    )
    return int(connection.execute(query).scalar_one())


def witnessed_size(connection: Connection, witnesses: Iterable[KnownWitness], quorum: int) -> int:
    """The size of the newest checkpoint that at least `quorum` of these witnesses have cosigned; 0 where none."""
    counted = (
        select(cosignature.c.checkpoint_size)
        .where(cosignature.c.witness == func.any([each.key.encode() for each in witnesses]))
        .group_by(cosignature.c.checkpoint_size)
        .having(func.count() >= quorum)
        .order_by(cosignature.c.checkpoint_size.desc())
        .limit(1)
    )
    return int(connection.execute(counted).scalar() or 0)


def standing_of(connection: Connection, witness: KnownWitness) -> Standing | None:
    """How a witness stood when it was last asked; None where it never was."""
    found = get_mark(connection, MARK + witness.name)
    return Standing(State(found["state"]), found["because"]) if found else None


def unwitnessed_since(connection: Connection, witnesses: Iterable[KnownWitness], quorum: int) -> datetime | None:
    """When the oldest checkpoint was signed that no quorum covers yet; None where the newest is covered."""
    covered = witnessed_size(connection, witnesses, quorum)
    found: datetime | None = connection.execute(
        select(func.min(checkpoint.c.signed_at)).where(checkpoint.c.size > covered)
    ).scalar()
    return found


def _told_size(reply: Reply) -> int | None:
    """The size a conflicting witness stands at; None where it told none."""
    found = re.fullmatch(rb"([0-9]+)\n", reply.body)
    if reply.status != 409 or reply.media_type != SIZE or not found:  # noqa: PLR2004 - the specification's number
        return None
    text = found.group(1).decode()
    return int(text) if SIZE_PATTERN.fullmatch(text) else None


def _is_alarming(standing: Standing, since: str, at: datetime) -> bool:
    if standing.state == State.AWAY:
        return at - datetime.fromisoformat(since) >= ALARM_AFTER
    return standing.state != State.COSIGNED


def _tell(connection: Connection, witness: KnownWitness, standing: Standing, at: datetime) -> None:
    words = {
        State.AWAY: "has not answered for an hour",
        State.REFUSES: "does not cosign",
        State.CONTRADICTS: "CONTRADICTS THIS LEDGER",
    }
    text = f"The witness {witness.name} {words[standing.state]}: {standing.because}."
    raise_alert(connection, f"witness_{standing.state}", at=at, text=text)
    if standing.state == State.CONTRADICTS:
        facts = {"witness": witness.key.encode(), "because": standing.because}
        record(connection, CustodyEntry(SYSTEM, Action.WITNESS_CONTRADICTED, ACTOR, at, facts))
