"""What an item kept of the original, out of what was recorded, read and judged of it: what its grade is made from."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from archive.provenance import Grading, Kept, Picture, Whole, grade_of
from intake.reading.containers import OUTLOOK_TYPES
from intake.reading.model import Reading
from timeline.event import ExhibitFacts

OWN_WORDS: Final = frozenset({"diary", "call", "answers"})
"""Kinds that a contributor writes herself."""
_WHOLE: Final[Mapping[str, Whole]] = {"attached": "attached", "file": "file", "resent": "redirected"}
# From the most to the least that a signature can come to.
_BEST_FIRST: Final = ("pass", "weak", "partial", "temporary", "not_checked", "fail", "none")
# How phones and computers name pictures of their screens, in the languages people here use.
_SCREEN_NAME: Final = re.compile(
    r"screen|scrsh|bildschirm|capture.{0,3}d.{0,3}[eé]cran|captura|schermata|schermafb|sk[äa]rm|zrzut|ekran|снимок|скриншот"
    r"|截屏|截图|スクリーンショット|스크린샷|لقطة",
    re.IGNORECASE,
)
_CAMERA_TYPES: Final = frozenset({"image/heic", "image/heif", "image/x-adobe-dng"})
# Cameras do not write these; screens of phones and computers are kept in them.
_SCREEN_TYPES: Final = frozenset({"image/png"})
_CAMERA_FACTS: Final = frozenset({"make", "model", "camera", "lensmodel", "fnumber", "exposuretime"})


def picture_kind(media_type: str, name: str | None, facts: Sequence[tuple[str, str]] = ()) -> Picture:
    """What a picture seems to be of, by its name, its format, and facts it carries; never by what it shows.

    Args:
        media_type: As stated.
        name: Its file name, if it has one.
        facts: What the reader found in it (`Reading.facts`).
    """
    told = " ".join(value for _, value in facts)
    # `EXIF Make`, and of a mail's part `Attachment 2: EXIF Make`.
    names = {fact.rpartition(" ")[2].lower() for fact, _ in facts}
    if _SCREEN_NAME.search(name or "") or _SCREEN_NAME.search(told):
        return "screen"
    kind = media_type.partition(";")[0].strip().lower()
    if kind in _CAMERA_TYPES or names & _CAMERA_FACTS:
        return "camera"
    return "screen" if kind in _SCREEN_TYPES else "unknown"


def grading_of(facts: ExhibitFacts, found: Reading | None, judged: Mapping[str, Any] | None) -> Grading | None:
    """The grade of an exhibit; None until it was read.

    Args:
        facts: What the archive recorded.
        found: Its reading.
        judged: The summary of what its signatures came to; None until they were judged.
    """
    if found is None or found.state == "unreadable":
        return None
    rule = found.forward.rule if found.forward else None
    return grade_of(
        Kept(
            whole=_whole(facts, rule),
            signature=_signature(judged),
            all_signed=bool(judged and judged["original_passed"]),
            is_structured_export=found.claimed.source == "export",
            is_own_words=found.kind in OWN_WORDS or (rule is None and found.own_words),
            picture=_picture(facts, found, rule),
            is_inline_forward=rule is not None and rule not in _WHOLE,
            by_text=facts.channel == "sms",
        )
    )


def _whole(facts: ExhibitFacts, rule: str | None) -> Whole | None:
    kind = facts.media_type.partition(";")[0].strip().lower()
    if rule == "file" and kind in OUTLOOK_TYPES:
        return "outlook"
    if rule is not None and rule in _WHOLE:
        return _WHOLE[rule]
    return "file" if facts.channel == "upload" and kind == "message/rfc822" else None


def _signature(judged: Mapping[str, Any] | None) -> str | None:
    lines = judged["judgements"] if judged else ()
    results = {each["result"] for each in lines if each["of"] == "original" and each["method"] == "dkim"}
    return next((each for each in _BEST_FIRST if each in results), None)


def _picture(facts: ExhibitFacts, found: Reading, rule: str | None) -> Picture | None:
    if facts.media_type.startswith("image/"):
        # A picture's reading has its file name for a subject.
        return picture_kind(facts.media_type, found.subject, found.facts)
    if facts.channel != "email" or rule is not None:
        return None
    kinds = [
        picture_kind(part.media_type, part.name, _facts_of(found, part.index))
        for part in found.attachments
        if part.media_type.startswith("image/")
    ]
    if not kinds:
        return None
    return "screen" if "screen" in kinds else kinds[0]


def _facts_of(found: Reading, index: int) -> list[tuple[str, str]]:
    return [(name, value) for name, value in found.facts if name.startswith(f"Attachment {index}: ")]
