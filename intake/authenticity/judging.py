"""Judging every message of an exhibit. Pure: bytes, times and answers of DNS in, what they come to out."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from archive.acquisition import rendered
from intake.authenticity.message import Message, UnjudgeableError, split
from intake.authenticity.model import Authenticity, DnsAnswer, JudgedMessage, Judgement
from intake.authenticity.seals import judge_seals
from intake.authenticity.signatures import Circumstances, Lookup, judge_signatures
from intake.authenticity.stated import stated_results
from intake.authenticity.subjects import Found
from intake.authenticity.tags import domain_name
from intake.reading.fields import read_block
from intake.reading.header_people import people_of

SILENT = "DNS did not answer for {hours} hours when the key was looked up: it can be asked again."


def judge_messages(
    messages: Sequence[Found], *, received_at: datetime, lookup: Lookup, servers: Collection[str] = ()
) -> tuple[JudgedMessage, ...]:
    """Judge each message by itself.

    Args:
        messages: From `subjects.messages_in`.
        received_at: When the exhibit was received: whether a signature had ended is judged by this, never by now.
        lookup: Answers of DNS, asked or kept.
        servers: Names of our own mail servers, whose results on the forward count.
    """
    return tuple(_judged(each, received_at, lookup, servers) for each in messages)


def _judged(found: Found, received_at: datetime, lookup: Lookup, servers: Collection[str]) -> JudgedMessage:
    author = author_domain(found.raw)
    try:
        message = split(found.raw)
    except UnjudgeableError as error:
        judgements: tuple[Judgement, ...] = (Judgement("dkim", "not_checked", (error.because,)),)
    else:
        around = Circumstances(received_at, author, lookup)
        judgements = (
            *judge_signatures(message, around),
            *judge_seals(message, around),
            *_stated(found, message, servers),
        )
    return JudgedMessage(
        of=found.of,
        part=found.part,
        place=found.place,
        nested=found.nested,
        sha256=hashlib.sha256(found.raw).hexdigest(),
        size_bytes=len(found.raw),
        from_domain=author,
        judgements=judgements,
    )


def _stated(found: Found, message: Message, servers: Collection[str]) -> tuple[Judgement, ...]:
    """Results of our own server stand on what it received alone: in an attached mail anybody may have written them."""
    return stated_results(message, servers) if found.part is None and servers else ()


def author_domain(raw: bytes) -> str | None:
    """The domain of the one author in From, in A-labels; None where there is not just one."""
    block = read_block(raw, 0, len(raw))
    people = people_of(block, "from") if len(block.every("from")) == 1 else ()
    address = people[0].address if len(people) == 1 else None
    return domain_name(address.rpartition("@")[2]) if address and "@" in address else None


def put_together(
    messages: tuple[JudgedMessage, ...],
    answers: Sequence[DnsAnswer],
    *,
    received_at: datetime,
    judged_at: datetime,
    asked: bool,
    unjudged: tuple[str, ...],
) -> Authenticity:
    """What was found out about one exhibit; `temporary` while an answer of DNS is owed."""
    owed = any(each.result == "temporary" for message in messages for each in message.judgements)
    return Authenticity(
        received_at=rendered(received_at),
        judged_at=rendered(judged_at),
        asked=asked,
        state="temporary" if owed else "final",
        messages=messages,
        dns=tuple(answers),
        unjudged=unjudged,
    )


def settled(found: Authenticity, *, hours: int) -> Authenticity:
    """The same once DNS is not waited for any more: what was `temporary` was not checked, and says why."""
    messages = tuple(
        replace(each, judgements=tuple(_final(one, hours) for one in each.judgements)) for each in found.messages
    )
    return replace(found, state="final", messages=messages)


def _final(judged: Judgement, hours: int) -> Judgement:
    if judged.result != "temporary":
        return judged
    return replace(judged, result="not_checked", reasons=(SILENT.format(hours=hours),))
