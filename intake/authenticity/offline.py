"""Judging again from a package alone: the kept bytes, the kept answers of DNS, the time of receipt, and no network.

Says whether signatures come to what the package says they came to. That the package is what was exported, and that the
answers were kept when it says, is for its verifier: the ledger's entry names this document and each answer.
"""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from archive.acquisition import parsed
from archive.custody import Action
from intake.authenticity.judging import judge_messages, put_together, settled
from intake.authenticity.lookups import kept
from intake.authenticity.model import Authenticity, JudgedMessage, Judgement, answer_file, dns_file, from_json
from intake.authenticity.packaged import DOCUMENT
from intake.authenticity.records import WAIT_HOURS
from intake.authenticity.subjects import Found
from intake.errors import UnusableError
from intake.reading.containers import slice_bytes
from intake.reading.pieces import UnopenableError

_ITEM: Final = re.compile(rf"data/authenticity/([0-9]{{5,9}})/{re.escape(DOCUMENT)}")
MOST_BYTES: Final = 256 * 1024 * 1024


class NotAPackageError(UnusableError):
    """A file that is no package, or not a whole one; why, in words for people."""


@dataclass(frozen=True, slots=True)
class Again:
    """What came of judging one item again.

    Attributes:
        item: Its number in the package.
        results: `original dkim example.org: pass`, one for each line that was judged.
        differs: What is not as the package says; empty where everything is.
        can_be_judged: False in a disclosure edition, which has no originals of mails.
    """

    item: str
    results: tuple[str, ...]
    differs: tuple[str, ...]
    can_be_judged: bool = True


def judge_again(package: Path) -> Iterator[Again]:
    """Judge every item of a package again.

    Raises:
        NotAPackageError: The file is none.
    """
    try:
        with zipfile.ZipFile(package) as bag:
            named = _named_by_entries(bag)
            for name in bag.namelist():
                if form := _ITEM.fullmatch(name):
                    yield _again(bag, form[1], named)
    except (zipfile.BadZipFile, OSError, KeyError, TypeError, ValueError) as error:
        raise NotAPackageError(f"It is no package, or a damaged one ({type(error).__name__}).") from error


def _named_by_entries(bag: zipfile.ZipFile) -> frozenset[str]:
    """Digests of the documents that custody entries name."""
    found = set()
    with bag.open("custody/entries.jsonl") as lines:
        for line in lines:
            payload = json.loads(line)["payload"]
            if payload and payload["action"] == Action.AUTHENTICITY_JUDGED:
                found.add(payload["facts"]["authenticity_sha256"])
    return frozenset(found)


def _again(bag: zipfile.ZipFile, item: str, named: frozenset[str]) -> Again:
    raw = _read(bag, f"data/authenticity/{item}/{DOCUMENT}")
    document: Mapping[str, Any] = json.loads(raw)
    if "edition" in document:
        return Again(item, (), (), can_be_judged=False)
    then = from_json(document)
    differs = [] if hashlib.sha256(raw).hexdigest() in named else [f"no custody entry names this {DOCUMENT}"]
    differs += _answers_differ(bag, item, then)
    original = _original(bag, item)
    messages = [_message_of(original, each) for each in then.messages]
    now = _judged(then, [each for each in messages if each is not None])
    differs += [
        f"{before.of}, {_line(before, one)}: judged again it is not the same"
        for before, after in zip(then.messages, now.messages, strict=False)
        for one, again in zip(before.judgements, after.judgements, strict=False)
        if _essence(one) != _essence(again)
    ]
    if [_frame(each) for each in then.messages] != [_frame(each) for each in now.messages]:
        differs.append("the messages in the original are not those that were judged")
    results = tuple(f"{each.of} {_line(each, one)}" for each in now.messages for one in each.judgements)
    return Again(item, results, tuple(differs))


def _judged(then: Authenticity, messages: list[Found]) -> Authenticity:
    servers = {one.stated_by for each in then.messages for one in each.judgements if one.stated_by}
    answers = kept({each.name: each for each in then.dns})
    received_at, judged_at = parsed(then.received_at), parsed(then.judged_at)
    judged = judge_messages(messages, received_at=received_at, lookup=answers, servers=servers)
    made = put_together(
        judged, then.dns, received_at=received_at, judged_at=judged_at, asked=then.asked, unjudged=then.unjudged
    )
    return settled(made, hours=WAIT_HOURS) if then.state == "final" else made


def _answers_differ(bag: zipfile.ZipFile, item: str, then: Authenticity) -> list[str]:
    names = [f"data/authenticity/{item}/{dns_file(number)}" for number in range(1, len(then.dns) + 1)]
    return [
        f"{name} is not the answer that {DOCUMENT} has"
        for name, answer in zip(names, then.dns, strict=True)
        if _read(bag, name) != answer_file(answer)
    ]


def _original(bag: zipfile.ZipFile, item: str) -> bytes:
    name = json.loads(_read(bag, f"data/items/{item}/item.json"))["original"]
    return _read(bag, f"data/items/{item}/{name}")


def _read(bag: zipfile.ZipFile, name: str) -> bytes:
    if bag.getinfo(name).file_size > MOST_BYTES:
        raise ValueError(name)
    return bag.read(name)


def _message_of(original: bytes, judged: JudgedMessage) -> Found | None:
    try:
        raw = slice_bytes(original, judged.place)
    except UnopenableError:
        return None
    return Found(judged.of, judged.part, judged.place, judged.nested, raw)


def _essence(judged: Judgement) -> Judgement:
    """A judgement without its words: why nothing was asked is not known to whoever has only the answers."""
    return replace(judged, reasons=())


def _frame(message: JudgedMessage) -> tuple[Any, ...]:
    return message.of, message.part, message.sha256, message.from_domain, len(message.judgements)


def _line(message: JudgedMessage, one: Judgement) -> str:
    return f"{one.method} {one.domain or message.from_domain or '-'}: {one.result}"
