"""The words of answers say nothing to whoever reads them over her shoulder."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.contributor import ContactKind, Language, ReplyStyle, SafeContact
from replies.errors import WordingRefusedError
from replies.wording import (
    DISCREET,
    PLAIN,
    QUESTIONS,
    SEGMENT_SEPTETS,
    STEMS,
    SUBJECTS,
    WHOLE,
    WORDS,
    checked,
    forbidden_in,
    septets,
    subject_of,
    with_question,
    wording_of,
)

EVERYTHING_WE_SAY = [
    *(words for said in (*WORDS.values(), *SUBJECTS.values()) for words in said.values()),
    *(words for said in QUESTIONS.values() for words in said),
]


@pytest.mark.parametrize("words", EVERYTHING_WE_SAY)
def test_our_own_words_pass_our_own_rules_and_are_one_text(words):
    assert checked(words) == words
    assert septets(words) <= SEGMENT_SEPTETS


@pytest.mark.parametrize("word", [*STEMS, *WHOLE])
def test_each_listed_word_is_found_in_any_case_and_form(word):
    wide = "".join(chr(ord(letter) + 0xFEE0) for letter in word)
    hidden = word[0] + "\u200b" + word[1:]
    for form in (word, word.upper(), wide, hidden):
        assert forbidden_in(f"so {form}, then")


@pytest.mark.parametrize(
    "words",
    [
        "Policewoman will call",
        "Your evidence is safe",
        "Case 42 noted",
        "see https://example.org",
        "see www.example",
        "see example.org",
        "mail me a@b",
        "ring 999",
        "the Holdfast team",
        "",
        "   ",
        "two\nlines",
        "a\x00b",
        "x" * 161,
        "€" * 81,
        "Diolch, ŵyn bach",
        "👍",
    ],
)
def test_words_that_could_give_her_away_or_do_not_fit_one_text_are_refused(words):
    with pytest.raises(WordingRefusedError) as caught:
        checked(words)
    assert str(caught.value)


@pytest.mark.parametrize(
    "words", ["Thanks, got it.", "Diolch!", "Suitcase packed, courtesy of Jo", "x" * 160, "€" * 80, "ok. Thanks"]
)
def test_harmless_words_pass(words):
    assert checked(f" {words} ") == words


@pytest.mark.parametrize(
    ("agreed", "expected"),
    [
        (SafeContact(ReplyStyle.DISCREET), DISCREET),
        (SafeContact(ReplyStyle.PLAIN), PLAIN),
        (SafeContact(ReplyStyle.PLAIN, wording="Ta x"), "Ta x"),
        (SafeContact(ReplyStyle.PLAIN, wording="for the police"), DISCREET),
    ],
)
def test_the_words_are_hers_or_her_styles(agreed, expected):
    assert wording_of(agreed) == expected


@given(st.sampled_from(ReplyStyle), st.none() | st.text(max_size=200))
def test_whatever_was_enrolled_no_answer_holds_a_forbidden_word_or_takes_two_texts(style, wording):
    words = wording_of(SafeContact(style, wording))
    assert not forbidden_in(words)
    assert 0 < septets(words) <= SEGMENT_SEPTETS
    assert "\n" not in words


def test_only_mails_have_a_subject():
    assert subject_of(SafeContact(ReplyStyle.DISCREET), ContactKind.PHONE) is None
    assert subject_of(SafeContact(ReplyStyle.DISCREET), ContactKind.EMAIL) == "Thanks"


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("style", [ReplyStyle.DISCREET, ReplyStyle.PLAIN])
def test_every_language_has_every_style_and_a_question(language, style):
    agreed = SafeContact(style, language=language)
    assert wording_of(agreed) == WORDS[language][style]
    both = with_question(wording_of(agreed), agreed, several=False)
    assert both.endswith(QUESTIONS[language][0])
    assert septets(both) <= SEGMENT_SEPTETS
    assert subject_of(agreed, ContactKind.EMAIL) == SUBJECTS[language][style]


def test_words_that_leave_no_room_for_the_question_are_left_out_for_it():
    long = "x" * 150
    assert with_question(long, SafeContact(ReplyStyle.DISCREET), several=True) == "Who sent them, and when?"


def test_her_own_words_come_before_the_language_and_unsafe_ones_fall_back_to_it():
    assert wording_of(SafeContact(ReplyStyle.PLAIN, wording="Ta x", language=Language.WELSH)) == "Ta x"
    unsafe = SafeContact(ReplyStyle.PLAIN, wording="mae'r heddlu yma", language=Language.WELSH)
    assert wording_of(unsafe) == WORDS[Language.WELSH][ReplyStyle.DISCREET]
