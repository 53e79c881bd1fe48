"""No visible sentence of the pages escapes translation: each is looked up, so each can be shown in Welsh."""

import re
from gettext import NullTranslations

import pytest
from jinja2 import nodes
from lxml import html

from replies.wording import DISCREET, PLAIN
from tests.web.conftest import PUBLIC_URL
from web import error_pages, guide, headers, public, risk, translations
from web.brand import Brand, Service
from web.components import TEMPLATES_FOLDER, create_shell

# Whatever a host may name, in letters that are no Latin ones: what is left in Latin letters was not translated.
BRAND = Brand(
    body_name="Ж",
    public_name="Ж",
    helpline_name="Ж",
    helpline_body="Ж",
    services=(Service("Ж", "1", "https://x.example/"), Service("Ж")),
    intake_number="07700 900123",
    intake_address="1@2.3",
    privacy_contact="Ж",
    accessibility_contact="Ж",
)
BARE = Brand(body_name="Ж", public_name="Ж", helpline_name="Ж", helpline_body="", helpline_link="", report_link="",
             silent_code="", personal_safety_link="", call_preference_link="")  # fmt: skip
READ_ALOUD = ("aria-label", "title", "alt", "placeholder", "data-i18n.activated", "data-i18n.timed-out",
              "data-i18n.press-two-more-times", "data-i18n.press-one-more-time")  # fmt: skip
# What we answer with is quoted as it is sent, and is not part of the pages' language.
QUOTED = re.compile("|".join(re.escape(words) for words in (DISCREET, PLAIN)))
LATIN = re.compile(r"[A-Za-z]{2,}")
# Rooms whose every page is for people who are stalked.
FOLDERS = ("public", "personal", "diary", "upload", "receipt")
SHOWN_KEYS = {"text", "titleText", "iconFallbackText", "visuallyHiddenText", "summaryText", "label", "legend", "hint"}


class Foreign(NullTranslations):
    """A language in which every letter is another one; tags and what is put in stay."""

    def gettext(self, message):
        parts = re.split(r"(<[^>]+>|%\(\w+\)s)", message)
        return "".join(part if index % 2 else re.sub("[A-Za-z]", "ж", part) for index, part in enumerate(parts))

    def ngettext(self, one, many, number):
        return self.gettext(one if number == 1 else many)


def app_in_a_foreign_language(brand):
    app = create_shell(brand)
    translations.register(app, Foreign())
    headers.register(app)
    error_pages.register(app)
    app.register_blueprint(public.make_blueprint(brand, PUBLIC_URL))
    return app.test_client()


def shown(page: str) -> list[str]:
    """Everything a person reads or hears of a page."""
    document = html.fromstring(page)
    for unseen in document.xpath("//script|//style"):
        unseen.getparent().remove(unseen)
    texts = [*document.xpath("//text()"), *document.xpath("//meta[@name='description']/@content")]
    return texts + [value for name in READ_ALOUD for value in document.xpath(f"//@*[name()='{name}']")]


def untranslated(page: str) -> list[str]:
    return [text.strip() for text in shown(page) if LATIN.search(QUOTED.sub("", text))]


@pytest.mark.parametrize("brand", [BRAND, BARE], ids=["everything named", "hardly anything named"])
def test_no_visible_sentence_of_the_public_pages_escapes_translation(brand):
    client = app_in_a_foreign_language(brand)
    responses = [client.get(page.path) for page in (*guide.PAGES, guide.RISK_STEP)]
    for path in (guide.RISK.path, guide.RISK_STEP.path):
        responses += [
            client.post(path, data=data) for data in ({"at": "12"}, {"at": "12", "q1": "yes"}, {"at": "12", "q2": "no"})
        ]
    responses += [
        client.post(guide.RISK_STEP.path, data={"at": "4", "q1": "no"}),
        client.get("/nowhere"),
        client.delete("/"),
    ]
    assert [found for response in responses for found in untranslated(response.text)] == []


def test_the_test_itself_sees_what_is_not_translated():
    assert untranslated('<main><p>ж</p><p aria-label="Hello">ж</p></main>') == ["Hello"]
    assert untranslated("<title>Page</title>") == ["Page"]


def test_questions_reach_whoever_keeps_them_in_the_words_they_were_asked_in():
    client = app_in_a_foreign_language(BRAND)
    with client.application.app_context():
        first = risk.answered({"q1": risk.Answer.YES})[0]
    assert not LATIN.search(first.question)
    assert first.answer is risk.Answer.YES


def templates():
    for folder in FOLDERS:
        yield from sorted((TEMPLATES_FOLDER / folder).glob("*.html"))


@pytest.mark.parametrize("path", list(templates()), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_template_for_people_who_are_stalked_writes_words_past_the_catalogue(path):
    parsed = create_shell(Brand()).jinja_env.parse(path.read_text(encoding="utf-8"))
    # What is printed between two pieces of the source is one character here, so that tags stay whole.
    pieces = (
        node.data if isinstance(node, nodes.TemplateData) else "·"
        for output in parsed.find_all(nodes.Output)
        for node in output.nodes
    )
    visible = re.sub(r"<[^>]*>|&\w+;", " ", "".join(pieces))
    assert re.findall(r"[A-Za-z]{2,}[^·<>\n]*", visible) == []
    given = (pair for pair in parsed.find_all(nodes.Pair) if getattr(pair.key, "value", None) in SHOWN_KEYS)
    assert [
        pair.value.value
        for pair in given
        if isinstance(pair.value, nodes.Const) and LATIN.search(str(pair.value.value))
    ] == []
