"""What an officer assigns out of quarantine is seen to as if it had come to the case by itself, and is not answered."""

from __future__ import annotations

import json
from datetime import timedelta

from sqlalchemy import select, update

from archive.assignment import assign
from archive.contributor import contributor_of
from archive.offender import confirm
from archive.tables import (
    alert,
    contributor,
    contributor_contact,
    custody_payload,
    exhibit,
    follow_up,
    question,
    reply,
)
from intake.reading.model import Reading, Reported, to_json
from replies.deciding import see_to_assigned
from tests.replies.house import SIGNALS
from tests.replies.people import ADDRESS, NOW, NUMBER

LATER = NOW + timedelta(hours=2)
STRANGER = "+447700900555"


def assigned(house, item, *, to_amy=True):
    with house.engine.begin() as connection:
        person = contributor_of(connection, house.amy.id) if to_amy else None
        assign(connection, item, house.case_id, contributor=person, at=LATER, actor="account:x")
        see_to_assigned(connection, item, signals=SIGNALS, now=LATER)


def quarantined(house, item):
    """As it lies where its sender was ambiguous when it came."""
    with house.engine.begin() as connection:
        values = {"case_id": None, "contributor_id": None, "initials": None, "number": None}
        values |= {"quarantined_at": NOW, "quarantined_because": "ambiguous sender"}
        connection.execute(update(exhibit).where(exhibit.c.id == item).values(**values))


def naming(**who):
    return to_json(Reading(version=1, text="x", reported_from=Reported(**who)))


def test_an_enrolled_person_named_as_its_sender_is_told_of(house):
    item = house.text(sender=STRANGER)
    house.read(item, naming(address=ADDRESS))
    house.decide(item)
    assert house.alerts() == []
    assigned(house, item, to_amy=False)
    assert house.alerts() == ["contact_named"]


def test_somebody_enrolled_after_it_came_is_doubted_with_an_entry(house):
    house.change(contributor, enrolled_at=NOW + timedelta(hours=1))
    item = house.text(sender=STRANGER)
    house.read(item, naming(number=NUMBER))
    assigned(house, item, to_amy=False)
    with house.engine.connect() as connection:
        of_number = contributor_contact.c.value == NUMBER
        assert connection.execute(select(contributor_contact.c.doubted_at).where(of_number)).scalar() == LATER
        bodies = connection.execute(select(custody_payload.c.body)).scalars()
        told = [json.loads(bytes(body))["action"] for body in bodies]
    assert house.alerts() == ["contact_doubted"]
    assert told.count("contact.doubted") == 1


def test_a_duress_word_in_it_raises_the_alarm(house):
    house.agree(duress_mark=SIGNALS.mark("blue kettle"))
    item = house.arrive("the blue kettle is on", sender=STRANGER)
    assert house.alerts() == []
    assigned(house, item)
    assert house.alerts() == ["duress"]


def test_an_item_of_hers_from_the_offenders_number_is_a_conflict_to_look_at(house):
    with house.engine.begin() as connection:
        confirm(connection, house.case_id, STRANGER, at=NOW, actor="account:x", reason="his bill")
    item = house.text(sender=STRANGER)
    house.decide(item)
    assigned(house, item)
    with house.engine.connect() as connection:
        (said,) = connection.execute(select(alert.c.text)).scalars()
    assert "Check who sent it in" in said


def test_the_answer_to_an_open_question_goes_to_the_item_it_is_about(house):
    house.agree(questions_allowed=True)
    house.arrive("I know where you live and work now")
    house.send_due()
    assert len(house.rows(question)) == 1
    words = house.text(body="Liam, yesterday at 9pm", at=LATER)
    quarantined(house, words)
    house.read_really(words, "Liam, yesterday at 9pm", at=LATER)
    assert house.rows(follow_up) == []
    assigned(house, words)
    (attached,) = house.rows(follow_up)
    assert attached.words_id == words


def test_nothing_assigned_is_answered(house):
    item = house.arrive("hello", sender=STRANGER)
    assigned(house, item)
    assert house.rows(reply) == []
