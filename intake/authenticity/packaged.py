"""What a package has of authenticity: the very document whose digest the ledger holds, and each DNS answer as text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, func, select

from archive.custody import Action, exhibit_stream
from archive.edition import Edition
from archive.ledger import checkpoint_size, entries_of
from archive.package_source import Derived
from archive.tables import authenticity
from intake.authenticity.model import Authenticity, Judgement, answer_file, dns_file, from_json

DOCUMENT: Final = "dkim.json"
# Of a judgement, for disclosure: nothing that says how a message travelled on to us, or where it was received.
_TOLD: Final = ("method", "result", "reasons", "domain", "selector", "algorithm", "key_bits", "aligned", "queried")


def files_of(connection: Connection, exhibits: Sequence[UUID], edition: Edition) -> dict[UUID, list[Derived]]:
    """The files on each exhibit, by path below its folder; those of which nothing was judged are left out.

    The disclosure edition has the original's DKIM signatures alone: seals and the forward's own signatures name the
    contributor's mail provider. Its document is therefore not the one that the ledger names.
    """
    return {exhibit_id: _files(content, edition) for exhibit_id, content in _told(connection, exhibits).items()}


def _files(content: bytes, edition: Edition) -> list[Derived]:
    found = from_json(json.loads(content))
    maker = f"holdfast authenticity {found.version}"
    if edition.redactor is None:
        answers = [Derived(dns_file(n), maker, answer_file(each)) for n, each in enumerate(found.dns, start=1)]
        return [Derived(DOCUMENT, maker, content), *answers]
    return list(_disclosed(found, maker, edition))


def _told(connection: Connection, exhibits: Sequence[UUID]) -> dict[UUID, bytes]:
    """Of each exhibit, the newest document that an entry under the newest checkpoint names."""
    rows = connection.execute(
        select(authenticity.c.exhibit_id, authenticity.c.content, authenticity.c.sha256)
        .where(authenticity.c.exhibit_id == func.any(list(exhibits)))
        .order_by(authenticity.c.judged_at.desc(), authenticity.c.id)
    ).all()
    if not rows:
        return {}
    size = checkpoint_size(connection)
    named = {
        (entry.stream, told["facts"]["authenticity_sha256"])
        for entry in entries_of(connection, sorted({exhibit_stream(row.exhibit_id) for row in rows}))
        if entry.index < size and (told := entry.facts()).get("action") == Action.AUTHENTICITY_JUDGED
    }
    found: dict[UUID, bytes] = {}
    for row in rows:
        if (exhibit_stream(row.exhibit_id), row.sha256) in named:
            found.setdefault(row.exhibit_id, bytes(row.content))
    return found


def _disclosed(found: Authenticity, maker: str, edition: Edition) -> Iterator[Derived]:
    originals = [each for each in found.messages if each.of == "original"]
    if not originals:
        return
    document = {
        "edition": edition.name,
        "received_at": found.received_at,
        "judged_at": found.judged_at,
        "version": found.version,
        "messages": [
            {
                "of": each.of,
                "sha256": each.sha256,
                "judgements": [_line(one) for one in each.judgements if one.method == "dkim" and not one.stated_by],
            }
            for each in originals
        ],
    }
    raw = json.dumps(edition.cleaned(document), ensure_ascii=True, indent=1, sort_keys=True) + "\n"
    yield Derived(DOCUMENT, maker, raw.encode())
    asked = {one.queried for each in originals for one in each.judgements if one.method == "dkim"}
    for number, answer in enumerate(found.dns, start=1):
        if answer.name in asked:
            yield Derived(dns_file(number), maker, edition.clean(answer_file(answer).decode("ascii")).encode("ascii"))


def _line(one: Judgement) -> dict[str, Any]:
    return {name: list(value) if isinstance(value := getattr(one, name), tuple) else value for name in _TOLD}
