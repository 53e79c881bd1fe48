"""What the public pages say, and what they must never do."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html

from replies.wording import DISCREET, PLAIN
from tests.web.conftest import PUBLIC_URL
from web import guide, public, risk
from web.brand import Brand
from web.components import create_shell

ALL = guide.PAGES
EACH_PAGE = pytest.mark.parametrize("page", ALL, ids=lambda page: page.endpoint)

# Every fact of the brief, as the words a reader meets. One row is one fact; all of a row's patterns must be on the page.
FACTS = {
    guide.SCALE: [
        r"2006.*five million people.*each year",
        r"British Crime Survey.*suggests",
        r"100 incidents.*before they speak to the police",
    ],
    guide.HARASSMENT: [r"many forms", r"want to go out with you", r"violent, or predatory", r"alarm.*distress"],
    guide.STALKING: [
        r"form of harassment",
        r"persistent",
        r"do not want it",
        r"pestered",
        r"fixated.*obsessed",
        r"change their daily routine",
    ],
    guide.EXAMPLES: [
        r"texts, calls, social media",
        r"turn up at your home or at work",
        r"drive past",
        r"follow you, or watch you",
        r"letters, or gifts you do not want",
        r"damage your home, your place of work or your car",
        r"burglary.*robbery",
        r"threaten you, or someone else.*sexual violence.*to kill",
        r"harass your family, your partner, or people you work with",
        r"attack someone.*sexual",
        r"murder",
    ],
    guide.SAFETY: [
        r"Carry a mobile phone",
        r"personal attack alarm.*how it works",
        r"Do not carry anything that is meant as a weapon",
        r"Vary your routine",
        r"Go with friends",
        r"Tell someone your plans",
        r"phone company.*malicious calls",
        r"Telephone Preference Service",
        r"privacy settings of your social networks",
        r"More about personal safety",
    ],
    guide.RECORDS: [
        r"what happened.*where it happened.*when",
        r"each time you were followed, each time you were phoned, and each time you got post or mail",
        r"as soon as you can, while it is fresh",
        r"behaviour diary",
        r"more detail, the better",
        r"look like\?.*sound like\?.*clothes.*make, what colour, what number plate",
        r"letters and parcels, even if they frighten you\. Do not throw them away\. Touch them as little as you can",
        r"copies of emails, texts and messages on social media\. Print them if you can",
        r"Keep the numbers",
        r"Record calls, if you can",
        r"Tell friends, neighbours and people you work with",
        r"photos or video of the stalker, but only where it is safe.*most if the police have told them to stay away",
    ],
    guide.CALLS: [
        r"just say “hello”\. Do not say your name or your number",
        r"Stay calm\. Show no feeling.*Many callers give up",
        r"answering machine",
        r"ring again\?.*put the handset down beside the phone.*some minutes\. You do not need to listen",
        r"1471",
        r"Write down each call with its time and number.*did not answer too",
    ],
    guide.KNOWN: [
        r"Do not confront them\. Do not talk to them",
        r"Never agree to meet",
        r"Do not answer anything: no calls, no letters, no chat",
        r"answer the tenth call.*pays to go on",
        r"advice from the police, from a solicitor, or from the National Stalking Helpline",
    ],
    guide.REPORT: [
        r"danger now\? Call 999",
        r"frightened, but not in danger right now\? Call 101, or tell the police online",
        r"arranges to see you, at a time that suits you",
        r"how to keep safe",
        r"goes through everything.*Say it all, even what seems trivial",
    ],
    guide.SUPPORT: [r"National Stalking Helpline on 0808 802 0300", r"Suzy Lamplugh Trust", r"Example Refuge: 01632 960001"],
    guide.FORWARDING: [
        r"07700 900123.*post@intake\.example\.org",
        r"Save them under a name that tells nothing",
        r"Forward as attachment",
        r"keep the originals",
        r"picture of your screen.*by email, or with an upload link",
        r"Start a text with “LOG”, and say what happened",
        rf"You choose.*“{re.escape(DISCREET)}”.*“{re.escape(PLAIN)}”.*words of your own nothing at all",
        r"Who sees it.*Exampleshire Police",
        r"diary: it may be disclosed",
        r"Sending us something is not calling for help\. In danger, call 999",
    ],
}  # fmt: skip
QUESTION_FACTS = [
    r"very frightened",
    r"abuse you at home, stalk you or harass you",
    r"broken or wrecked any of your things",
    r"turn up without warning more than three times a week",
    r"followed you, or hung around near your home or work",
    r"threatened to hurt you, or to hurt you in a sexual way",
    r"harassed anyone else",
    r"violent to anyone else",
    r"other people to help them",
    r"past year.*drugs, with alcohol or with their mental health",
    r"tried or threatened to kill themselves, or acted as if all is over",
    r"trouble with the police",
]
# What nobody may claim: CONTRACT and the field's own courts have seen where it leads.
NEVER_CLAIMED = (
    r"admissible|tamper|proves? who|compliant|compliance|police are (coming|on their way)|risk score|your score"
)
LONGEST_SENTENCE_WORDS = 25


@pytest.fixture
def client(public_app):
    return public_app.test_client()


def words_of(response) -> str:
    """What is read in the page's main part, on one line."""
    main = html.fromstring(response.text).xpath("//main")[0]
    return re.sub(r"\s+([.,:])", r"\1", " ".join(main.text_content().split()))


@EACH_PAGE
def test_each_page_answers_and_leaves_nothing_behind(client, page):
    response = client.get(page.path)
    assert response.status_code == 200
    assert "Set-Cookie" not in response.headers
    assert "Cookie" not in response.headers.get("Vary", "")
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Referrer-Policy"] == "no-referrer"


@EACH_PAGE
def test_each_page_is_held_to_our_own_files(client, page):
    policy = client.get(page.path).headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self' 'nonce-")
    assert "unsafe" not in policy
    assert "http" not in policy


@EACH_PAGE
def test_each_page_has_one_heading_and_a_way_out_that_needs_no_script(client, page, brand):
    document = html.fromstring(client.get(page.path).text)
    assert [" ".join(heading.text_content().split()) for heading in document.xpath("//h1")] == [page.heading]
    exits = document.xpath(f"//a[@href='{brand.exit_link}']")
    assert [" ".join(exit_.text_content().split()) for exit_ in exits] == ["Exit this page"] * 2
    assert all("noreferrer" in exit_.get("rel") for exit_ in exits)


@EACH_PAGE
def test_tabs_and_history_say_nothing_of_what_the_page_is_about(client, page):
    title = html.fromstring(client.get(page.path).text).findtext(".//title")
    telling = re.compile(r"stalk|harass|police|abuse|victim|crime|evidence|holdfast", re.IGNORECASE)
    assert title == f"{page.title} – Advice and information"
    assert not telling.search(title + page.path)


@EACH_PAGE
def test_no_page_claims_what_cannot_be_promised(client, page):
    assert not re.search(NEVER_CLAIMED, words_of(client.get(page.path)), re.IGNORECASE)


@EACH_PAGE
def test_sentences_are_short_enough_to_read_when_afraid(client, page):
    main = html.fromstring(client.get(page.path).text).xpath("//main")[0]
    blocks = (" ".join(block.text_content().split()) for block in main.xpath(".//p|.//li[not(.//p)]|.//legend|.//dt"))
    sentences = [sentence for block in blocks for sentence in re.split(r"(?<=[.!?:])\s", block)]
    too_long = [sentence for sentence in sentences if len(sentence.split()) > LONGEST_SENTENCE_WORDS]
    assert too_long == []


@pytest.mark.parametrize(
    ("page", "fact"),
    [pytest.param(page, fact, id=f"{page.endpoint}: {fact[:40]}") for page in FACTS for fact in FACTS[page]],
)
def test_every_fact_of_the_brief_is_said(client, page, fact):
    assert re.search(fact, words_of(client.get(page.path)))


@pytest.mark.parametrize("number", range(1, 13))
def test_all_twelve_questions_are_asked(client, number):
    legends = html.fromstring(client.get("/are-you-at-risk").text).xpath("//legend")
    assert re.search(QUESTION_FACTS[number - 1], legends[number - 1].text_content())


def test_every_page_can_be_reached_from_the_start_and_the_index(client):
    for path in ("/", "/help"):
        links = set(html.fromstring(client.get(path).text).xpath("//a/@href"))
        assert {page.path for group in guide.GROUPS for page in group.pages} | {"/privacy", "/accessibility"} <= links


def test_every_link_within_leads_somewhere(client):
    links = {link for page in ALL for link in html.fromstring(client.get(page.path).text).xpath("//a/@href")}
    # Receipts are another room's: these pages alone do not have it.
    inside = sorted(link for link in links - {"/receipt"} if link.startswith("/"))
    assert len(inside) < len(links)
    assert [link for link in inside if client.get(link).status_code != 200] == []


def test_links_to_elsewhere_tell_nobody_where_they_were_followed_from(client):
    for page in ALL:
        outside = html.fromstring(client.get(page.path).text).xpath("//a[starts-with(@href, 'http')]")
        assert all("noreferrer" in link.get("rel", "") for link in outside)


@pytest.mark.parametrize("question", [question.name for question in risk.QUESTIONS])
def test_any_single_yes_is_taken_seriously(client, question):
    response = client.post("/are-you-at-risk", data={question: "yes"})
    assert response.status_code == 200
    assert re.search(r"seriously.*get in touch.*support and advice", words_of(response))
    assert "Set-Cookie" not in response.headers


def test_the_advice_is_the_same_for_one_yes_and_for_twelve(client):
    """A score would be a licensed checklist, and would tell somebody that she is not afraid enough."""
    one = client.post("/are-you-at-risk", data={"q1": "yes"})
    twelve = client.post("/are-you-at-risk", data={question.name: "yes" for question in risk.QUESTIONS})
    assert words_of(one) == words_of(twelve)


def test_only_noes_do_not_mean_that_all_is_well(client):
    words = words_of(client.post("/are-you-at-risk", data={question.name: "no" for question in risk.QUESTIONS}))
    assert "does not mean that all is well" in words
    assert "0808 802 0300" in words


def test_no_answer_at_all_is_asked_for_again_kindly(client):
    response = client.post("/are-you-at-risk", data={})
    document = html.fromstring(response.text)
    assert document.findtext(".//title").startswith("Error: ")
    assert document.xpath("//*[@class='govuk-error-summary']//a/@href") == ["#q1"]
    assert document.xpath("//*[@id='q1']")


def test_answers_never_travel_in_an_address(client):
    form = html.fromstring(client.get("/are-you-at-risk").text).xpath("//form")[0]
    assert form.method == "POST"
    assert form.action == "/are-you-at-risk"
    assert client.post("/are-you-at-risk", data={"q1": "yes"}).location is None


def test_an_answer_too_large_is_refused(client):
    assert client.post("/are-you-at-risk", data={"q1": "x" * public.LARGEST_FORM_BYTES}).status_code == 413


@given(st.dictionaries(st.text(max_size=4) | st.sampled_from(["q1", "q12"]), st.text(max_size=5) | st.just("yes")))
def test_whatever_is_sent_decides_yes_only_by_a_yes_to_a_question(answers):
    names = {question.name for question in risk.QUESTIONS}
    expected = any(name in names and answer == "yes" for name, answer in answers.items())
    assert bool(risk.any_yes(risk.parse(answers))) == expected


def test_without_a_number_of_its_own_the_page_says_who_tells_it():
    app = create_shell(Brand())
    app.register_blueprint(public.make_blueprint(Brand(), PUBLIC_URL))
    words = words_of(app.test_client().get(guide.FORWARDING.path))
    assert "The person who signs you up tells you the number" in words
    assert "your local police" in words


def test_a_name_with_markup_in_it_stays_text():
    brand = Brand(body_name="<script>alert(1)</script>")
    app = create_shell(brand)
    app.register_blueprint(public.make_blueprint(brand, PUBLIC_URL))
    assert "<script>alert" not in app.test_client().get(guide.FORWARDING.path).text
