"""Words agreed in private are heard, and nothing that she is sent or shown tells of it."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.agreed_words import Signals
from archive.contributor import ReplyStyle
from replies.policy import Send, Silent
from replies.reasons import Reason
from tests.replies.house import LATER, SIGNALS
from tests.replies.people import NOW

DURESS, STOP = SIGNALS.mark("purple umbrella"), SIGNALS.mark("Cancel my order")


@pytest.mark.parametrize(
    "text", ["purple umbrella", "I lost my PURPLE, umbrella!", "Purple\numbrella x", "ｐｕｒｐｌｅ umbrella"]
)
def test_the_agreed_words_are_heard_anywhere_and_however_written(text):
    assert SIGNALS.is_within(DURESS, text)


@pytest.mark.parametrize("text", ["purple", "umbrella purple", "purpleumbrella", "purple red umbrella", "", "🙂"])
def test_other_words_are_not(text):
    assert not SIGNALS.is_within(DURESS, text)


def test_a_mark_gives_nothing_away_and_no_two_are_alike():
    again = SIGNALS.mark("purple umbrella")
    assert again != DURESS
    assert "purple" not in again
    assert not Signals(b"t" * 32).is_within(DURESS, "purple umbrella")


def test_without_a_mark_nothing_is_heard():
    assert not SIGNALS.is_within(None, "purple umbrella")
    assert not SIGNALS.is_whole(None, "")


@pytest.mark.parametrize("words", ["", "ow", "!!!", "one two three four five six seven"])
def test_words_that_cannot_be_told_apart_are_refused(words):
    with pytest.raises(ValueError, match="agree on"):
        SIGNALS.mark(words)


@given(st.text(max_size=200))
def test_any_text_is_looked_at_without_an_exception(text):
    assert SIGNALS.is_within(DURESS, text) in {True, False}
    assert SIGNALS.is_within(DURESS, f"{text} purple umbrella")


def test_a_duress_word_alerts_once_and_is_answered_as_usual(house):
    house.agree(duress_mark=DURESS)
    item = house.arrive("have you seen my purple umbrella")
    house.arrive("really, my purple umbrella")
    assert house.alerts() == ["duress"]
    plain = house.arrive("he wrote again")
    house.send_due()
    assert [words for _, words in house.carrier.sent] == ["Thanks, got it."]
    duress, other = house.entries(item)[0][1], house.entries(plain)[0][1]
    assert {**duress, "joins": None} == {**other, "joins": None, "reply_id": duress["reply_id"]}
    everything = str([house.entries(item, start="")])
    assert "duress" not in everything
    assert "umbrella" not in everything


def test_a_second_alarm_an_hour_later_is_raised_again(house):
    house.agree(duress_mark=DURESS)
    house.arrive("purple umbrella")
    house.arrive("purple umbrella", at=NOW + timedelta(hours=1))
    assert house.alerts() == ["duress", "duress"]


def test_her_stop_words_end_answers_silently_even_those_that_wait(house):
    house.agree(stop_mark=STOP, questions_allowed=True, links_allowed=True)
    house.arrive("he wrote again")
    house.arrive("cancel my order")
    agreed = house.agreed()
    assert (agreed.style, agreed.questions_allowed, agreed.links_allowed) == (ReplyStyle.NONE, False, False)
    house.send_due()
    assert house.carrier.sent == []
    assert house.alerts() == ["stopped"]
    assert house.decide(house.text()).decision == Silent(Reason.STYLE_NONE)


@pytest.mark.parametrize(
    "text", ["STOP", "stop", "END", "please cancel my order", "From 07700 900456: cancel my order"]
)
def test_a_forwarded_stop_is_evidence_and_ends_nothing(house, text):
    house.agree(stop_mark=STOP)
    house.arrive(text)
    house.send_due()
    assert len(house.carrier.sent) == 1
    assert house.agreed().style is ReplyStyle.DISCREET


def test_a_number_that_opted_out_is_left_alone_until_it_sends_start(house):
    from replies.delivery import note_opt_out

    phone = next(one for one in house.amy.contacts if one.value.startswith("+"))
    with house.engine.begin() as connection:
        note_opt_out(connection, phone.id, house.case_id, at=NOW)
    assert house.decide(house.text()).decision == Silent(Reason.OPTED_OUT)
    house.arrive("START", at=LATER)
    assert isinstance(house.decide(house.text(at=LATER), now=LATER).decision, Send)
