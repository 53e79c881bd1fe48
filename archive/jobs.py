"""Work that can wait, by name: how doors and pages speak of it without knowing who does it.

The queue is a hint. A nudge may be lost; the sweep finds what it lost.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any, TypeAlias


class Job(StrEnum):
    """The name of one kind of work, also the name of its Celery task."""

    ACCESSION = "archive.accession"
    FETCH_MAIL = "intake.fetch_mail"
    FETCH_MEDIA = "intake.fetch_media"
    READ = "intake.read"
    JUDGE = "intake.judge"
    UNPACK = "intake.unpack"
    DECIDE_REPLY = "replies.decide"
    SEND_REPLY = "replies.send"
    BUILD_PACKAGE = "archive.build_package"
    STAMP = "archive.stamp"
    SWEEP = "archive.sweep"
    PUBLISH = "archive.publish"


# Never raises and never waits long: what cannot be queued now is found by the sweep.
Nudge: TypeAlias = Callable[..., None]
"""`nudge(job, *ids)`: ids as strings and whole numbers only, never content."""


def no_nudge(job: Job, *ids: Any) -> None:
    """Queue nothing: everything waits for the sweep."""
