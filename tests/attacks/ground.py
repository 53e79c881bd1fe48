"""A small real case for attackers: a ledger in memory with its own key, and packages made of it by `archive.package`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from archive import tlog
from archive.acquisition import rendered
from archive.custody import (
    NO_PREDECESSOR,
    Action,
    CustodyEntry,
    StreamHead,
    case_stream,
    exhibit_stream,
    leaf_bytes,
    pseudonym,
    stream_key,
)
from archive.ledger import LedgerEntry
from archive.package import (
    Derived,
    DisclosedStream,
    FinishedPackage,
    PackageExhibit,
    PackageSource,
    Seal,
    begin,
    finish,
)
from archive.signed_note import Checkpoint, SigningKey
from archive.tlog import Node

ORIGIN = "archive.example/ledger"
LOG_KEY = SigningKey.from_seed(ORIGIN, b"the log's own signing key".ljust(32))
WITNESS_KEY = SigningKey.from_seed("witness.example/w1", b"the witness's signing key".ljust(32))
SECRET = b"ledger secret".ljust(32)
NINE = datetime(2026, 11, 23, 9, tzinfo=UTC)
CASE_ID = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"
POLICY = f"# given by the reader\nlog {LOG_KEY.verifier.encode()}\nquorum none\n"
WITNESSED_POLICY = (
    f"log {LOG_KEY.verifier.encode()}\nwitness w1 {WITNESS_KEY.witness.encode()}\ngroup all1 all w1\nquorum all1\n"
)


@dataclass
class MemoryLedger:
    """A ledger that places entries at once, with the archive's own leaf and tree code."""

    key: SigningKey = LOG_KEY
    entries: list[LedgerEntry] = field(default_factory=list)
    nodes: dict[Node, bytes] = field(default_factory=dict)
    heads: dict[str, StreamHead] = field(default_factory=dict)
    salts: int = 0

    def record(
        self, stream: str, action: Action | str, minutes: int, names: str | None = None, **facts: Any
    ) -> LedgerEntry:
        at = NINE + timedelta(minutes=minutes)
        self.salts += 1
        entry = CustodyEntry(
            stream, Action(action), "system:accession", at, facts, names_stream=names, salt=f"{self.salts:032x}"
        )
        head = self.heads.get(stream, StreamHead(-1, NO_PREDECESSOR))
        named = (pseudonym(SECRET, names), self.heads[names]) if names and names in self.heads else None
        payload = entry.payload()
        leaf = leaf_bytes(
            origin=self.key.name,
            stream=pseudonym(SECRET, stream),
            seq=head.seq + 1,
            prev=head.leaf_hash,
            at=at,
            payload_sha256=hashlib.sha256(payload).hexdigest(),
            names=named,
        )
        return self.append(LedgerEntry(len(self.entries), leaf, tlog.leaf_hash(leaf), payload, stream, head.seq + 1))

    def append(self, entry: LedgerEntry) -> LedgerEntry:
        size = len(self.entries)
        frontier = [self.nodes[node] for node in tlog.frontier_indexes(size)]
        for level, index, digest in tlog.append_nodes(size, frontier, [entry.leaf_hash]):
            self.nodes[level, index] = digest
        self.entries.append(entry)
        self.heads[entry.stream] = StreamHead(entry.stream_seq, entry.leaf_hash)
        return entry

    def read_nodes(self, wanted: Iterable[Node]) -> Mapping[Node, bytes]:
        return {node: self.nodes[node] for node in wanted}

    def checkpoint(self, size: int | None = None) -> Checkpoint:
        size = len(self.entries) if size is None else size
        return Checkpoint(ORIGIN, size, tlog.root(size, [self.nodes[node] for node in tlog.frontier_indexes(size)]))

    def note(self, size: int | None = None, *, witnessed: bool = False) -> bytes:
        checkpoint = self.checkpoint(size)
        note = checkpoint.signed_by(self.key)
        if witnessed:
            note = note.signed_also(WITNESS_KEY.cosign(checkpoint.text, 1_795_000_000))
        return note.encode()


@dataclass
class Ground:
    """A case with exhibits in a ledger that others use too."""

    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    originals: dict[str, bytes] = field(default_factory=dict)
    references: dict[str, str] = field(default_factory=dict)
    received: dict[str, datetime] = field(default_factory=dict)
    case: str = case_stream(CASE_ID)
    tsa_roots: bytes = b""

    def open_case(self) -> None:
        self.ledger.record("system", Action.LEDGER_STARTED, 0)
        self.ledger.record(self.case, Action.CASE_OPENED, 1, case_id=CASE_ID, reference="42/1234/26")

    def archive(self, number: int, raw: bytes) -> str:
        exhibit_id = f"00000000-0000-5000-8000-{number:012d}"
        self.originals[exhibit_id] = raw
        self.received[exhibit_id] = NINE + timedelta(minutes=number)
        self.ledger.record(
            exhibit_stream(exhibit_id),
            Action.EXHIBIT_ARCHIVED,
            number,
            exhibit_id=exhibit_id,
            sha256=hashlib.sha256(raw).hexdigest(),
            sha512=hashlib.sha512(raw).hexdigest(),
            size_bytes=len(raw),
            channel="email",
            source_id=f"imap:victim/INBOX/1/{number}",
            received_at=rendered(self.received[exhibit_id]),
            delivered_at=None,
            media_type="message/rfc822",
            door={"folder": "INBOX", "наблюдение": "é\u2028😀", "flags": [1, True, None]},
            vault_key=f"items/{exhibit_id}",
            vault_version="1",
        )
        return exhibit_id

    def assign(self, exhibit_id: str, minutes: int = 30) -> None:
        self.references[exhibit_id] = f"ABC/{len(self.references) + 1}"
        stream = exhibit_stream(exhibit_id)
        self.ledger.record(
            self.case,
            Action.EXHIBIT_ASSIGNED,
            minutes,
            stream,
            exhibit_id=exhibit_id,
            reference=self.references[exhibit_id],
            contributor_id=None,
        )
        self.ledger.record(stream, Action.EXHIBIT_READ, minutes + 1, reader="mail 3")

    def disclosed(self, label: str) -> DisclosedStream:
        head = self.ledger.heads[label]
        return DisclosedStream(label, stream_key(SECRET, label), head.seq, head.leaf_hash)

    def exhibits(self) -> list[PackageExhibit]:
        return [
            PackageExhibit(
                id=exhibit_id,
                reference=self.references[exhibit_id],
                sha256=hashlib.sha256(raw).hexdigest(),
                sha512=hashlib.sha512(raw).hexdigest(),
                size_bytes=len(raw),
                channel="email",
                received_at=self.received[exhibit_id],
                delivered_at=None,
                media_type="message/rfc822",
                extension="eml",
                read=lambda raw=raw: [raw[:7], raw[7:]],
                derive=lambda raw=raw: [Derived("text.txt", "mail 3", raw.upper())],
            )
            for exhibit_id, raw in sorted(self.originals.items())
            if exhibit_id in self.references
        ]

    def source(self, package_id: str, *, withheld: Mapping[int, str] | None = None) -> PackageSource:
        return PackageSource(
            package_id=package_id,
            edition="full",
            snapshot_at=NINE + timedelta(hours=2),
            organisation="Example Constabulary",
            software="Holdfast test",
            case=self.disclosed(self.case),
            exhibit_streams=[self.disclosed(exhibit_stream(exhibit_id)) for exhibit_id in self.references],
            exhibits=self.exhibits(),
            renderings={
                "timeline.json": b'{"case":"42/1234/26","events":[]}\n',
                "timeline.csv": b"at,text\n",
                "custody.csv": b"index,action\n",
                "system-reliability.json": b"{}\n",
            },
            withheld=withheld or {},
            policy=POLICY.encode(),
            tsa_roots=self.tsa_roots,
        )

    def export(
        self,
        folder: Path,
        package_id: str = "11111111-2222-4333-8444-555555555555",
        *,
        earlier_sizes: Sequence[int] = (),
        witnessed: bool = False,
        withheld: Mapping[int, str] | None = None,
        meanwhile: Any = lambda: None,
        seal: Any = None,
    ) -> FinishedPackage:
        """Make a package as `archive.export` does; `meanwhile` happens between snapshot and sequencing.

        `seal` makes the seal of a checkpoint out of its note: with tokens, for instance.
        """
        draft = begin(folder / f"work-{package_id}", self.source(package_id, withheld=withheld))
        meanwhile()
        self.ledger.record(self.case, Action.PACKAGE_EXPORTED, 130, **draft.exported_facts())
        self.ledger.record("system", Action.VAULT_TESTED, 131)
        labels = {self.case, *(exhibit_stream(exhibit_id) for exhibit_id in self.originals)}
        notes = [self.ledger.note(size) for size in earlier_sizes] + [self.ledger.note(witnessed=witnessed)]
        seals = [(seal or Seal)(note) for note in notes]
        mine = [entry for entry in self.ledger.entries if entry.stream in labels]
        return finish(draft, mine, seals, self.ledger.read_nodes, folder / f"{package_id}.zip")


def a_case(items: int = 3) -> Ground:
    """A case with `items` exhibits, among entries of others in the same ledger."""
    ground = Ground()
    ground.open_case()
    for number in range(1, items + 1):
        exhibit_id = ground.archive(
            number, f"From: him@example.test\r\nSubject: no. {number}\r\n\r\nI know.\r\n".encode()
        )
        ground.ledger.record(exhibit_stream(f"somebody else's {number}"), Action.EXHIBIT_READ, number)
        ground.assign(exhibit_id, 20 + 2 * number)
    return ground
