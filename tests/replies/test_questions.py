"""The one question about a forwarded text, and where its answer goes."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.case import case_of
from archive.contributor import ContactKind, Language, ReplyStyle, SafeContact
from archive.tables import follow_up, question
from replies.errors import NotHerWordsError
from replies.follow_ups import attach, detach, words_of
from replies.outcome import Refused, Unknown
from replies.policy import Limits
from replies.questions import MOST_ASKED_ABOUT, Asked, Candidate, whether_to_ask
from tests.replies.house import LATER
from tests.replies.people import NOW
from timeline.compile import compile_timeline

ASKS = SafeContact(ReplyStyle.DISCREET, questions_allowed=True)
SILENT_ONE = Candidate(
    UUID(int=1), by_text=True, is_message=True, states_who=False, states_when=False, is_answer=False, letters=20
)
NEVER = Asked()


def asks(items=(SILENT_ONE,), agreed=ASKS, by=ContactKind.PHONE, asked=NEVER, limits=None):
    return whether_to_ask(items, agreed, by, asked, limits or Limits())


def test_a_forwarded_text_that_says_neither_who_nor_when_is_asked_about():
    assert asks() == (SILENT_ONE.id,)


@pytest.mark.parametrize(
    "given_",
    [
        pytest.param({"agreed": replace(ASKS, questions_allowed=False)}, id="not agreed"),
        pytest.param({"by": ContactKind.EMAIL}, id="by mail"),
        pytest.param({"asked": Asked(is_open=True)}, id="one is open"),
        pytest.param({"asked": Asked(in_the_day=4)}, id="enough for today"),
        pytest.param({"limits": Limits(questions_daily=0)}, id="switched off"),
        pytest.param({"items": ()}, id="nothing to ask about"),
        pytest.param({"items": (replace(SILENT_ONE, by_text=False),)}, id="a mail"),
        pytest.param({"items": (replace(SILENT_ONE, is_message=False),)}, id="a diary entry, or unread"),
        pytest.param({"items": (replace(SILENT_ONE, states_who=True),)}, id="says who"),
        pytest.param({"items": (replace(SILENT_ONE, states_when=True),)}, id="says when"),
        pytest.param({"items": (replace(SILENT_ONE, is_answer=True),)}, id="is an answer"),
        pytest.param({"items": (replace(SILENT_ONE, letters=2),)}, id="ok"),
        pytest.param({"items": (SILENT_ONE,) * (MOST_ASKED_ABOUT + 1)}, id="a flood"),
    ],
)
def test_each_rule_alone_is_enough_to_ask_nothing(given_):
    assert asks(**given_) == ()


candidates = st.builds(Candidate, st.uuids(), *[st.booleans()] * 5, st.integers(0, 300))


@given(st.lists(candidates, max_size=8), st.booleans(), st.booleans(), st.integers(0, 6))
def test_whatever_came_only_texts_that_say_nothing_are_asked_about_and_only_where_agreed(
    items, agreed, is_open, lately
):
    about = asks(items, replace(ASKS, questions_allowed=agreed), asked=Asked(is_open, lately))
    if about:
        assert agreed
        assert not is_open
        assert lately < Limits().questions_daily
        asked = [one for one in items if one.id in about]
        assert all(one.by_text and one.is_message and not one.is_answer for one in asked)
        assert not any(one.states_who or one.states_when for one in asked)


@pytest.fixture
def asked(house):
    """A text that says nothing of itself was asked about, three minutes after it came."""
    house.agree(questions_allowed=True)
    house.item = house.arrive("you will be sorry")
    house.send_due()
    return house


def timeline(house):
    with house.engine.connect() as connection:
        found = compile_timeline(connection, case_of(connection, "42/1/26"), now=NOW)
    return {UUID(event["id"]): event for event in found.to_json()["events"]}, found.to_json()


def states(house):
    return [row.closed_because for row in house.rows(question)]


def test_the_question_goes_with_the_answer_in_one_text(asked):
    ((_, words),) = asked.carrier.sent
    assert words == "Thanks, got it. Who sent it, and when?"
    assert [action for action, _ in asked.entries(asked.item, "question.")] == ["question.asked"]
    assert asked.entries(asked.item)[1][1]["words"] == words


def test_nothing_is_asked_by_default(house):
    house.arrive("you will be sorry")
    house.send_due()
    assert house.carrier.sent[0][1] == "Thanks, got it."
    assert house.rows(question) == []


def test_a_burst_is_asked_about_once_and_in_her_language(house):
    house.agree(questions_allowed=True, language=Language.WELSH)
    for words in ("one of them", "two of them", "From +447700900456: this one says who"):
        house.arrive(words)
    house.send_due()
    ((_, words),) = house.carrier.sent
    assert words == "Diolch, wedi cyrraedd. Pwy anfonodd y negeseuon, a phryd?"


def test_her_answer_stands_beside_the_item_as_her_own_words_and_the_item_is_untouched(asked):
    before = timeline(asked)[0][asked.item]
    answer = asked.arrive("It was Dan, yesterday at 9pm", at=LATER + timedelta(minutes=2))
    events, counts = timeline(asked)
    item, words = events[asked.item], events[answer]
    assert item["reported_from"] == {"name": "Dan", "address": None, "number": None}
    assert (item["claimed_at"], item["claimed_source"]) == ("2026-11-22T21:00:00", "stated")
    assert (item["claimed_text"], item["claimed_approximate"]) == ("yesterday at 9pm", True)
    assert item["said"] == {
        "by": "contributor", "grade": "W", "exhibit": str(answer), "text": "It was Dan, yesterday at 9pm",
        "asked": True, "fills": ["reported_from", "claimed"],
    }  # fmt: skip
    assert (item["grade"], item["text"], item["exhibit"]) == ("F", before["text"], before["exhibit"])
    assert (words["grade"], words["kind"], words["is_follow_up"]) == ("W", "diary", True)
    assert (counts["occasions"], counts["undated"]) == (1, 0)
    assert states(asked) == ["answered"]
    assert [action for action, _ in asked.entries(asked.item, "follow_up.")] == ["follow_up.attached"]


def test_the_answer_is_acknowledged_like_anything_else_and_asked_about_never(asked):
    asked.arrive("It was Dan, yesterday at 9pm", at=LATER + timedelta(minutes=2))
    asked.send_due(now=LATER + timedelta(hours=1))
    assert [words for _, words in asked.carrier.sent[1:]] == ["Thanks, got it."]


@pytest.mark.parametrize(
    "text",
    ["From +447700900456: answer me", "Remember, last night", "I know where you live", "LOG yesterday he came again"],
)
def test_a_text_that_could_be_the_next_forward_is_a_plain_item(asked, text):
    plain = asked.arrive(text, at=LATER + timedelta(minutes=2))
    assert asked.rows(follow_up) == []
    assert states(asked) == ["unsure"]
    assert timeline(asked)[0][asked.item]["reported_from"]["name"] is None
    assert not timeline(asked)[0][plain]["is_follow_up"]


def test_only_her_very_next_text_can_be_the_answer(asked):
    asked.arrive("I know where you live", at=LATER + timedelta(minutes=1))
    asked.arrive("It was Dan, yesterday at 9pm", at=LATER + timedelta(minutes=2))
    assert asked.rows(follow_up) == []


def test_of_two_texts_decided_in_the_wrong_order_none_is_taken(asked):
    first = asked.text(body="I know where you live", at=LATER + timedelta(minutes=1))
    asked.arrive("It was Dan, yesterday at 9pm", at=LATER + timedelta(minutes=2))
    asked.read_really(first, "I know where you live", at=LATER + timedelta(minutes=3))
    assert asked.rows(follow_up) == []


def test_a_text_that_crossed_the_question_is_no_answer(asked):
    asked.arrive("It was Dan, yesterday at 9pm", at=LATER - timedelta(seconds=1))
    assert asked.rows(follow_up) == []
    assert states(asked) == [None]


def test_a_question_runs_out(asked):
    asked.arrive("It was Dan, yesterday at 9pm", at=LATER + timedelta(hours=13))
    asked.send_due(now=LATER + timedelta(hours=13))
    assert asked.rows(follow_up) == []
    assert states(asked) == ["ran_out"]


def test_one_question_is_open_at_a_time(asked):
    asked.arrive("another of his", at=LATER - timedelta(seconds=1))
    asked.send_due(now=LATER + timedelta(minutes=10))
    assert [words for _, words in asked.carrier.sent[1:]] == ["Thanks, got it."]
    assert len(asked.rows(question)) == 1


@pytest.mark.parametrize(("outcome", "state"), [(Refused("no"), "not_sent"), (Unknown("lost"), None)])
def test_a_question_that_did_not_go_out_is_closed_and_one_that_may_have_is_open(house, outcome, state):
    house.agree(questions_allowed=True)
    house.carrier.outcome = outcome
    house.arrive("you will be sorry")
    house.send_due()
    assert states(house) == [state]


def test_an_answer_about_several_texts_stands_beside_each_and_fills_in_nothing(house):
    house.agree(questions_allowed=True)
    items = [house.arrive("one of them"), house.arrive("two of them")]
    house.send_due()
    house.arrive("It was Dan, yesterday at 9pm", at=LATER + timedelta(minutes=2))
    events, _ = timeline(house)
    for item in items:
        assert events[item]["said"]["text"] == "It was Dan, yesterday at 9pm"
        assert events[item]["said"]["fills"] == []
        assert events[item]["reported_from"]["name"] is None


def test_an_officer_attaches_and_detaches_by_hand(house):
    item = house.arrive("you will be sorry")
    words = house.arrive("that was my cousin Kim being silly")
    with house.engine.begin() as connection:
        attach(connection, item, words_of(connection, words), at=NOW, actor="account:1", reason="she told me")
    event = timeline(house)[0][item]
    assert (event["said"]["asked"], event["said"]["fills"], event["claimed_at"]) == (False, [], None)
    with house.engine.begin() as connection:
        with pytest.raises(NotHerWordsError):
            attach(connection, item, words_of(connection, words), at=NOW, actor="account:1")
        assert detach(connection, item, at=NOW, actor="account:1", reason="a mistake")
        assert not detach(connection, item, at=NOW, actor="account:1", reason="twice")
    assert timeline(house)[0][item]["said"] is None
    assert [action for action, _ in house.entries(item, "follow_up.")] == ["follow_up.attached", "follow_up.detached"]


def test_words_are_attached_to_no_other_persons_item_nor_to_themselves(house):
    words, forward = house.arrive("It was Dan, yesterday"), house.arrive("From 07700 900456: hello")
    with house.engine.begin() as connection:
        hers = words_of(connection, words)
        with pytest.raises(NotHerWordsError):
            attach(connection, words, hers, at=NOW, actor="account:1")
        with pytest.raises(NotHerWordsError):
            attach(connection, uuid4(), hers, at=NOW, actor="account:1")
        with pytest.raises(NotHerWordsError):
            words_of(connection, forward)


def test_what_the_item_itself_says_goes_before_what_was_said_of_it(house):
    item = house.arrive("From 07700 900456 sent 21 Nov 2026 22:14: hello")
    words = house.arrive("It was Dan, yesterday at 9pm")
    with house.engine.begin() as connection:
        attach(connection, item, words_of(connection, words), at=NOW, actor="account:1")
    event = timeline(house)[0][item]
    assert event["reported_from"]["number"] == "+447700900456"
    assert event["claimed_at"] == "2026-11-21T22:14:00"
    assert event["said"]["fills"] == []
