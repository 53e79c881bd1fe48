"""The twelve questions: whatever a form says, there is a screen to show, and nothing is kept but what she sends on."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html

from web import guide, risk

LAST = len(risk.QUESTIONS)
FORMS = st.dictionaries(
    st.sampled_from(["q1", "q7", "q12", "q13", "at", "go", ""]) | st.text(max_size=4),
    st.sampled_from(["yes", "no", "back", "0", "1", "12", "13", "99", "-1", "٣"]) | st.text(max_size=6),
)


@pytest.fixture
def client(public_app):
    return public_app.test_client()


@given(FORMS)
def test_whatever_a_form_says_there_is_a_screen_and_no_answer_that_was_not_given(form):
    step = risk.step(form)
    assert step.question is None or step.question in risk.QUESTIONS
    for name, answer in step.answers.items():
        assert form[name] == answer


@given(FORMS)
def test_whatever_is_posted_is_answered_and_sets_no_cookie(public_app, form):
    for path in (guide.RISK.path, guide.RISK_STEP.path):
        response = public_app.test_client().post(path, data=form)
        assert response.status_code == 200
        assert "Set-Cookie" not in response.headers


def test_each_screen_asks_one_question_and_carries_the_others_on_in_hidden_fields(client):
    form = html.fromstring(
        client.post(guide.RISK_STEP.path, data={"at": "2", "q1": "yes", "q2": "no", "q3": "no"}).text
    ).xpath("//form")[0]
    assert form.method == "POST"
    assert form.action == guide.RISK_STEP.path
    hidden = {field.get("name"): field.get("value") for field in form.xpath(".//input[@type='hidden']")}
    assert hidden == {"at": "3", "q1": "yes", "q2": "no"}
    assert {field.get("name") for field in form.xpath(".//input[@type='radio']")} == {"q3"}
    assert form.xpath(".//input[@checked]/@value") == ["no"]


def test_walking_through_and_back_keeps_every_answer(client):
    fields = {}
    for number in range(1, LAST + 1):
        page = (
            html.fromstring(client.post(guide.RISK_STEP.path, data=fields).text)
            if fields
            else html.fromstring(client.get(guide.RISK_STEP.path).text)
        )
        fields = {field.get("name"): field.get("value") for field in page.xpath("//form//input[@type='hidden']")}
        fields[f"q{number}"] = "yes" if number == 5 else "no"
    back = html.fromstring(client.post(guide.RISK_STEP.path, data={**fields, "go": "back"}).text)
    assert re.search(r"Question 11 of 12", back.text_content())
    assert "Take it seriously" in client.post(guide.RISK_STEP.path, data=fields).text


def test_the_first_question_leads_back_nowhere(client):
    assert "Question before" not in client.get(guide.RISK_STEP.path).text


def test_leaving_out_all_of_them_is_told_at_the_first(client):
    document = html.fromstring(client.post(guide.RISK_STEP.path, data={"at": str(LAST)}).text)
    assert document.findtext(".//title").startswith("Error: ")
    assert document.xpath("//*[@class='govuk-error-summary']//a/@href") == ["#q1"]


def test_what_was_answered_is_handed_on_as_all_twelve_in_their_order():
    handed = risk.answered(risk.parse({"q2": "yes", "q12": "no", "q3": "maybe"}))
    assert [each.number for each in handed] == list(range(1, 13))
    assert [each.answer for each in handed if each.answer] == [risk.Answer.YES, risk.Answer.NO]
    assert handed[0].question == "Are you very frightened?"
    assert handed[2].answer is None


def test_a_yes_comes_with_what_to_say_when_calling(client):
    text = client.post(guide.RISK_STEP.path, data={"at": "12", "q11": "yes"}).text
    assert re.search(r"What to say when you call.*“Someone will not leave me alone", text, re.DOTALL)
    assert "0808 802 0300" in text
    assert "999" in text
