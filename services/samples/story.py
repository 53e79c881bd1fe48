"""The story as data: who sends what to the desk, when it was written, and what has to become of it."""

from __future__ import annotations

import base64
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from services.samples.picture import drawn

FOLDER: Final = Path(__file__).resolve().parent
LONDON: Final = ZoneInfo("Europe/London")
PICTURE_TYPE: Final = "image/png"
_PLACE: Final = re.compile(r"\{\{([a-z_.]+)(?:\|([^}]*))?\}\}")
_LONGEST_LINE: Final = 76


class Outcome(StrEnum):
    """What has to become of a sample; `story.toml` says what each means."""

    ANSWERED = "answered"
    SILENT = "silent"
    FAILED = "failed"
    QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who sends messages to the desk.

    Attributes:
        key: How samples name the person.
        name: As the officer would write it.
        mailbox: For contributors: what their address begins with; each run gives it an ending of its own.
        reply: For contributors: how they agreed to be answered.
        who_else_sees: For contributors: who else could see the phone.
        phone: A number, E.164; contributors have theirs from `cast`.
        email: An address; likewise.
    """

    key: str
    name: str
    mailbox: str = ""
    reply: str = ""
    who_else_sees: str = ""
    phone: str = ""
    email: str = ""

    @property
    def is_contributor(self) -> bool:
        """Whether the officer enrols this person."""
        return bool(self.reply)


@dataclass(frozen=True, slots=True)
class Sample:
    """One message to the desk; exactly one of `text` and `mail` is set.

    Attributes:
        name: How the demonstration calls it; unique.
        sender: Key of the person who sends it.
        text: The body of a text, with places to fill.
        mail: The name of a file in `mails/`, likewise.
        picture: Name of a picture that goes with it.
        days_ago: How many days ago the original was written; None where the message does not say.
        at: At what time in London.
        outcome: What has to become of it.
        because: The reason for which it is not answered, or what the carrier says.
        last: Sent only once all others have their answers.
    """

    name: str
    sender: str
    text: str = ""
    mail: str = ""
    picture: str = ""
    days_ago: int | None = None
    at: time | None = None
    outcome: Outcome = Outcome.ANSWERED
    because: str = ""
    last: bool = False

    @property
    def media(self) -> tuple[bytes, ...]:
        """The pictures that go with a text; those of a mail stand inside it."""
        return (drawn(self.picture),) if self.picture and self.text else ()

    def written(self, now: datetime) -> datetime | None:
        """When the original was written, in London, seen from `now`; None where nobody says."""
        if self.days_ago is None or self.at is None:
            return None
        day = now.astimezone(LONDON).date() - timedelta(days=self.days_ago)
        return datetime.combine(day, self.at, LONDON)


@dataclass(frozen=True, slots=True)
class Story:
    """All people, by key, and all samples in the order in which they are sent."""

    people: Mapping[str, Person]
    samples: Sequence[Sample]

    @property
    def contributors(self) -> list[Person]:
        """The people the officer enrols, in order."""
        return [person for person in self.people.values() if person.is_contributor]


def load() -> Story:
    """Read the story from its file."""
    document = tomllib.loads((FOLDER / "story.toml").read_text(encoding="utf-8"))
    people = {key: Person(key, **found) for key, found in document["people"].items()}
    return Story(people, [_sample(found) for found in document["sample"]])


def _sample(found: Mapping[str, Any]) -> Sample:
    given = dict(found)
    given["sender"] = given.pop("from")
    given["text"] = given.get("text", "").strip()
    if "at" in given:
        given["at"] = time.fromisoformat(given["at"])
    return Sample(**(given | {"outcome": Outcome(given.get("outcome", Outcome.ANSWERED))}))


@dataclass(frozen=True, slots=True)
class Telling:
    """The story told once: with these people's numbers and addresses, at this moment, to this desk."""

    people: Mapping[str, Person]
    desk: str
    now: datetime

    def text(self, sample: Sample) -> str:
        """The words of a sample that is a text."""
        return self._filled(sample, sample.text, {})

    def mail(self, sample: Sample, message_id: str) -> bytes:
        """A sample that is a mail, as it goes on its way: RFC 5322, lines ended by CRLF.

        Args:
            sample: The sample.
            message_id: With its angle brackets; never used before.
        """
        form = (FOLDER / "mails" / sample.mail).read_text(encoding="utf-8")
        further = {"message_id": message_id}
        if sample.picture:
            encoded = base64.b64encode(drawn(sample.picture)).decode("ascii")
            lines = (encoded[start : start + _LONGEST_LINE] for start in range(0, len(encoded), _LONGEST_LINE))
            further["picture"] = "\n".join(lines)
        return self._filled(sample, form, further).replace("\n", "\r\n").encode()

    def _filled(self, sample: Sample, form: str, further: Mapping[str, str]) -> str:
        times = {"sent": sample.written(self.now), "now": self.now.astimezone(LONDON)}

        def fill(place: re.Match[str]) -> str:
            name, pattern = place[1], place[2]
            if name in further:
                return further[name]
            if pattern is not None and (moment := times[name]):
                return moment.strftime(pattern)
            return self.desk if name == "desk" else self._of_person(name)

        return _PLACE.sub(fill, form)

    def _of_person(self, name: str) -> str:
        key, _, attribute = name.partition(".")
        return str(getattr(self.people[key], attribute))
