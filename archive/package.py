"""Build an evidence package: everything a stranger needs to verify a case without us.

Two phases, because the ledger must bind the package before the proofs of that binding can be in it:

1. `begin` writes `data/**` and every tag file that is not itself a proof into a work folder. The caller then records
   the custody entry `package.exported` with `Draft.exported_facts()` and waits for a checkpoint over it.
2. `finish` writes the custody entries, their proofs and the checkpoints, and closes everything in a canonical ZIP.

Pure of the database and of clocks: the same source gives the same bytes. Contents are streamed; memory grows with the
number of files (some hundred bytes each), never with their size. Forms: docs/package.md, RFC 8493, RFC 8785.
"""

import re
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableSequence, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import rfc8785

from archive import tlog, verify
from archive.acquisition import rendered
from archive.bag import WrittenFile, canonical_line, close_zip, listing, write_file
from archive.canonical_zip import ZipMember, ZipPart
from archive.custody import Action
from archive.errors import CaseMovedError, DigestMismatchError, UnverifiablePackageError
from archive.ledger import LedgerEntry
from archive.package_source import Derived, DisclosedStream, PackageExhibit, PackageSource, Seal
from archive.register import Register
from archive.section import Section
from archive.signed_note import Checkpoint, Note
from archive.tlog import Node, ReadNodes

__all__ = [
    "Derived",
    "DisclosedStream",
    "Draft",
    "FinishedPackage",
    "PackageExhibit",
    "PackageSource",
    "Seal",
    "begin",
    "finish",
]

PATH_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")
EXTENSION_PATTERN = re.compile(r"[a-z0-9]{1,8}")
PROOFS_AT_ONCE = 1000
FEWEST_DIGITS, MOST_ITEMS = 5, 999_999_999
README = Path(__file__).with_name("package_readme.txt")
VERIFIER = Path(verify.__file__)


@dataclass(frozen=True, slots=True)
class Draft:
    """A package whose contents stand, and whose binding entry is still to come.

    `ends` has the number of each exhibit stream's last entry, by its label; what is withheld, its reason by leaf index.
    """

    folder: Path
    package_id: str
    edition: str
    snapshot_at: datetime
    case: DisclosedStream
    ends: Register[str, int]
    withheld: Mapping[int, str]
    payload: Sequence[WrittenFile | Section]
    tags: Sequence[WrittenFile]
    closes: Callable[[LedgerEntry], str | None]

    def exported_facts(self) -> dict[str, Any]:
        """The facts of the `package.exported` entry, in the case's stream, that binds every file written so far.

        Sections are bound through the manifests, so that the entry stays small however many items there are.
        """
        named = [*self.tags, *(file for file in self.payload if isinstance(file, WrittenFile))]
        return {
            "edition": self.edition,
            "files": {file.name: file.sha256 for file in named},
            "items": len(self.ends),
            "package_id": self.package_id,
            "snapshot_at": rendered(self.snapshot_at),
        }


@dataclass(frozen=True, slots=True)
class FinishedPackage:
    """The ZIP that leaves the house."""

    path: Path
    size_bytes: int
    sha256: str
    entries: int
    checkpoint_size: int


def begin(folder: Path, source: PackageSource) -> Draft:
    """Write the payload and the bound tag files into a new work folder.

    Raises:
        DigestMismatchError: An original is not what the ledger recorded.
        UnverifiablePackageError: Something handed in has a form that verifiers refuse.
    """
    folder.mkdir(parents=True)
    ends, streams = _streams(source)
    payload: list[WrittenFile | Section] = [*_write_sections(folder, source, len(ends))]
    payload += [write_file(folder, name, content) for name, content in _renderings(source.renderings)]
    payload.sort(key=_place)
    withheld = _in_order_of_index(source.withheld)
    tags = {
        "README.txt": [README.read_bytes().replace(b"{package_id}", source.package_id.encode())],
        "bag-info.txt": [_bag_info(source, payload)],
        "bagit.txt": [b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"],
        "custody/streams.jsonl": (line for _, line in streams.in_order()),
        "custody/withheld.jsonl": (canonical_line({"index": i, "reason": why}) for i, why in withheld.in_order()),
        "manifest-sha256.txt": listing(_each(payload), "sha256"),
        "manifest-sha512.txt": listing(_each(payload), "sha512"),
        "trust/policy": [source.policy],
        **({"trust/tsa-roots.pem": [source.tsa_roots]} if source.tsa_roots else {}),
        "verify.html": [VERIFIER.with_suffix(".html").read_bytes()],
        "verify.py": [VERIFIER.read_bytes()],
    }
    written = [write_file(folder, name, content) for name, content in tags.items()]
    return Draft(
        folder,
        source.package_id,
        source.edition,
        source.snapshot_at,
        source.case,
        ends,
        withheld,
        payload,
        written,
        source.closes,
    )


def finish(
    draft: Draft,
    entries: Iterable[LedgerEntry],
    seals: Sequence[Seal],
    read_nodes: ReadNodes,
    out: Path,
) -> FinishedPackage:
    """Add custody entries, proofs and checkpoints, and close the ZIP.

    Args:
        draft: What `begin` wrote.
        entries: The entries of all disclosed streams, in ledger order; later ones than the package needs are left out.
        seals: Signed checkpoints of growing size with their tokens; the last covers this package's `package.exported`.
            Give those of the case's earlier packages too: their holders can then check that history was only added to.
        read_nodes: Reads tree nodes by (level, index); called with up to some ten thousand at once.
        out: Where the ZIP goes; replaced only once it is complete.

    Raises:
        CaseMovedError: While it was made, an entry came that this edition must not tell and did not say it withholds.
        UnverifiablePackageError: The entries do not end in this package's export, or the checkpoints do not cover it.
    """
    checkpoints = _checkpoints(seals)
    size = checkpoints[-1].size
    indexes = array("Q")
    proven = [write_file(draft.folder, "custody/entries.jsonl", _entry_lines(draft, entries, indexes))]
    if not indexes or indexes[-1] >= size:
        raise UnverifiablePackageError(f"checkpoints/{size}.note", "it does not cover the package's export")
    proven.append(write_file(draft.folder, "custody/proofs.jsonl", _proof_lines(indexes, size, read_nodes)))
    proven += _write_seals(draft.folder, checkpoints, seals, read_nodes)
    tags = sorted([*draft.tags, *proven], key=lambda file: file.name)
    manifests = [
        write_file(draft.folder, "tagmanifest-sha256.txt", listing(tags, "sha256")),
        write_file(draft.folder, "tagmanifest-sha512.txt", listing(tags, "sha512")),
    ]
    members = sorted([*draft.payload, *tags, *manifests], key=_place)
    size_bytes, sha256 = close_zip((_member(draft.folder, each) for each in members), out)
    return FinishedPackage(out, size_bytes, sha256, len(indexes), size)


# --- first phase: what the export binds -------------------------------------------------------------------------------


def _renderings(renderings: Mapping[str, bytes | Iterable[bytes]]) -> Iterator[tuple[str, Iterable[bytes]]]:
    for path, content in sorted(renderings.items()):
        _require_plain(path)
        if path.startswith(("items/", "authenticity/")):
            raise UnverifiablePackageError(path, "renderings do not lie among the items")
        yield f"data/{path}", [content] if isinstance(content, bytes) else content


def _place(file: WrittenFile | Section) -> str:
    return file.prefix if isinstance(file, Section) else file.name


def _each(payload: Iterable[WrittenFile | Section]) -> Iterator[WrittenFile]:
    for file in payload:
        yield from file if isinstance(file, Section) else (file,)


def _member(folder: Path, file: WrittenFile | Section) -> ZipMember | ZipPart:
    return file.part() if isinstance(file, Section) else ZipMember(file.name, file.size, file.crc, folder / file.name)


def _streams(source: PackageSource) -> tuple[Register[str, int], Register[str, bytes]]:
    """Where each exhibit's stream ends, and the line that discloses each stream, the case's too, by its label."""
    ends, lines = Register[str, int](), Register[str, bytes]()
    lines[source.case.label] = canonical_line(_disclosed(source.case))
    for stream in source.exhibit_streams:
        ends[stream.label], lines[stream.label] = stream.seq, canonical_line(_disclosed(stream))
    return ends, lines


def _in_order_of_index(withheld: Mapping[int, str]) -> Register[int, str]:
    kept = Register[int, str]()
    kept.update(withheld.items())
    return kept


def _write_sections(folder: Path, source: PackageSource, streams: int) -> tuple[Section, Section]:
    """The items, and what their signatures came to."""
    items, judged, count = Section(folder, "data/items/"), Section(folder, "data/authenticity/"), 0
    try:
        for count, item in enumerate(_in_order(source.exhibits), start=1):
            number = item_number(count, streams)
            _write_item(items, f"data/items/{number}", item)
            for made in sorted(item.judged(), key=lambda made: made.path):
                _write_made(judged, f"data/authenticity/{number}", made)
    finally:
        items.end()
        judged.end()
    if count != streams:
        raise UnverifiablePackageError(source.case.label, f"{count} exhibits, {streams} streams")
    return items, judged


def item_number(number: int, items: int) -> str:
    """What the folder of an item is called: all of a package have as many digits as the last needs, and at least five.

    So the names of the ZIP, which are in order of their bytes, are in order of the numbers too.

    Raises:
        UnverifiablePackageError: There are more items than verifiers read.
    """
    if items > MOST_ITEMS:
        raise UnverifiablePackageError("data/items/", f"{items} items are more than a package can hold")
    return f"{number:0{max(FEWEST_DIGITS, len(str(items)))}d}"


def _in_order(exhibits: Iterable[PackageExhibit]) -> Iterator[PackageExhibit]:
    before = None
    for item in exhibits:
        place = (item.received_at, item.id)
        if before is not None and place <= before:
            raise UnverifiablePackageError(item.id, "exhibits come in order of (received_at, id)")
        before = place
        yield item


def _write_item(items: Section, where: str, item: PackageExhibit) -> None:
    made = list(item.derive())
    digests = {
        each.path: _write_made(items, f"{where}/derived", each) for each in sorted(made, key=lambda each: each.path)
    }
    derived = [
        {"maker": each.maker, "path": f"derived/{each.path}", "sha256": digests[each.path].sha256} for each in made
    ]
    facts = {
        "channel": item.channel,
        "delivered_at": rendered(item.delivered_at) if item.delivered_at else None,
        "derived": derived,
        "exhibit_id": item.id,
        "media_type": item.media_type,
        "original": f"original.{item.extension}" if item.withheld is None else None,
        "received_at": rendered(item.received_at),
        "reference": item.reference,
        "sha256": item.sha256,
        "sha512": item.sha512,
        "size_bytes": item.size_bytes,
        "withheld": item.withheld,
    }
    line = canonical_line(facts)
    items.write(f"{where}/item.json", [line], size=len(line))
    if item.withheld is None:
        if not EXTENSION_PATTERN.fullmatch(item.extension):
            raise UnverifiablePackageError(item.id, f"the extension {item.extension!r} is not plain")
        name = f"{where}/original.{item.extension}"
        _require_recorded(item, items.write(name, item.read(), size=item.size_bytes))


def _write_made(section: Section, where: str, made: Derived) -> WrittenFile:
    _require_plain(made.path)
    return section.write(f"{where}/{made.path}", [made.content], size=len(made.content))


def _require_recorded(item: PackageExhibit, original: WrittenFile) -> None:
    name = item.reference or item.id
    if original.sha256 != item.sha256 or original.size != item.size_bytes:
        raise DigestMismatchError(name, item.sha256, original.sha256)
    if original.sha512 != item.sha512:
        raise DigestMismatchError(name, f"(sha512) {item.sha512}", f"(sha512) {original.sha512}")


def _require_plain(path: str) -> None:
    if not PATH_PATTERN.fullmatch(path):
        raise UnverifiablePackageError(path, "the path is not plain")


def _bag_info(source: PackageSource, payload: Sequence[WrittenFile | Section]) -> bytes:
    octets = sum(file.octets if isinstance(file, Section) else file.size for file in payload)
    files = sum(file.files if isinstance(file, Section) else 1 for file in payload)
    lines = [
        f"Bag-Software-Agent: {source.software}",
        f"Bagging-Date: {rendered(source.snapshot_at)[:10]}",
        f"External-Identifier: {source.package_id}",
        f"Payload-Oxum: {octets}.{files}",
        f"Source-Organization: {source.organisation}",
    ]
    if any("\n" in line or "\r" in line for line in lines):
        raise UnverifiablePackageError("bag-info.txt", "a name has more than one line")
    return "".join(f"{line}\n" for line in lines).encode()


def _disclosed(stream: DisclosedStream) -> dict[str, Any]:
    return {
        "key": stream.key.hex(),
        "label": stream.label,
        "leaf": stream.leaf_hash.hex(),
        "seq": stream.seq,
        "stream": stream.pseudonym,
    }


# --- second phase: what proves it -------------------------------------------------------------------------------------


def _checkpoints(seals: Sequence[Seal]) -> list[Checkpoint]:
    checkpoints = [Checkpoint.parse(Note.parse(seal.note).text) for seal in seals]
    sizes = [checkpoint.size for checkpoint in checkpoints]
    if not sizes or sizes != sorted(set(sizes)):
        raise UnverifiablePackageError("checkpoints/", "there is none, or they do not grow")
    return checkpoints


def _write_seals(
    folder: Path, checkpoints: Sequence[Checkpoint], seals: Sequence[Seal], read_nodes: ReadNodes
) -> Iterator[WrittenFile]:
    """Notes, tokens, what ties the checkpoints to one another, and the entries in which tokens stand."""
    for checkpoint, seal in zip(checkpoints, seals, strict=True):
        yield write_file(folder, f"checkpoints/{checkpoint.size}.note", [seal.note])
        for authority, response in sorted(seal.tokens.items()):
            _require_plain(authority)
            yield write_file(folder, f"checkpoints/{checkpoint.size}.{authority}.tsr", [response])
    yield write_file(folder, "checkpoints/consistency.jsonl", _consistency_lines(checkpoints, read_nodes))
    size = checkpoints[-1].size
    received = sorted((entry for seal in seals for entry in seal.received), key=lambda entry: entry.index)
    covered = [entry for entry in received if entry.index < size]
    yield write_file(folder, "checkpoints/anchors.jsonl", _anchor_lines(covered, size, read_nodes))


def _anchor_lines(received: Sequence[LedgerEntry], size: int, read_nodes: ReadNodes) -> Iterator[bytes]:
    indexes = [entry.index for entry in received]
    paths = tlog.inclusion_paths(indexes, size, read_nodes)
    for entry in received:
        if entry.payload is None:
            raise UnverifiablePackageError(f"entry {entry.index}", "the record of a token has no payload")
        proof = rfc8785.dumps([digest.hex() for digest in paths[entry.index]])
        yield b'{"index":%d,"leaf":%b,"payload":%b,"proof":%b}\n' % (entry.index, entry.leaf, entry.payload, proof)


def _entry_lines(draft: Draft, entries: Iterable[LedgerEntry], indexes: MutableSequence[int]) -> Iterator[bytes]:
    """Lines of the entries up to the export, as the streams stood at the snapshot; fills `indexes` on the way."""
    for entry in entries:
        if entry.stream != draft.case.label and entry.stream_seq > draft.ends.get(entry.stream, -1):
            continue
        indexes.append(entry.index)
        reason = draft.withheld.get(entry.index)
        if reason is None and draft.closes(entry) is not None:
            raise CaseMovedError(draft.case.label, entry.index)
        yield _entry_line(entry, reason)
        if entry.stream == draft.case.label and _is_export(entry, draft.package_id):
            return
    raise UnverifiablePackageError(draft.case.label, f"its stream has no export of package {draft.package_id}")


def _entry_line(entry: LedgerEntry, withheld: str | None) -> bytes:
    if withheld is None and entry.payload is None:
        raise UnverifiablePackageError(f"entry {entry.index}", "its payload is gone, and the draft gives no reason")
    payload = b"null" if withheld is not None or entry.payload is None else entry.payload
    # Leaf and payload are canonical already, and are put in as the very bytes that were hashed.
    return b'{"index":%d,"leaf":%b,"payload":%b,"withheld":%b}\n' % (
        entry.index,
        entry.leaf,
        payload,
        b"null" if withheld is None else rfc8785.dumps(withheld),
    )


def _is_export(entry: LedgerEntry, package_id: str) -> bool:
    if entry.payload is None or Action.PACKAGE_EXPORTED.value.encode() not in entry.payload:
        return False
    payload = entry.facts()
    facts: Mapping[str, Any] = payload["facts"] if payload["action"] == Action.PACKAGE_EXPORTED.value else {}
    return facts.get("package_id") == package_id


def _proof_lines(indexes: Sequence[int], size: int, read_nodes: ReadNodes) -> Iterator[bytes]:
    for start in range(0, len(indexes), PROOFS_AT_ONCE):
        some = indexes[start : start + PROOFS_AT_ONCE]
        paths = tlog.inclusion_paths(some, size, read_nodes)
        for index in some:
            # Canonical as it stands: digits and hex need no writer.
            path = ",".join(f'"{digest.hex()}"' for digest in paths[index])
            yield b'{"index":%d,"path":[%b]}\n' % (index, path.encode())


def _consistency_lines(checkpoints: Sequence[Checkpoint], read_nodes: ReadNodes) -> Iterator[bytes]:
    for old, new in pairwise(checkpoints):
        nodes = read_nodes(tlog.consistency_node_indexes(old.size, new.size))
        path = tlog.consistency_path(old.size, new.size, partial(_node, nodes))
        tlog.verify_consistency(old.size, new.size, path, old.root, new.root)
        yield canonical_line({"from": old.size, "path": [digest.hex() for digest in path], "to": new.size})


def _node(nodes: Mapping[Node, bytes], level: int, index: int) -> bytes:
    return nodes[level, index]
