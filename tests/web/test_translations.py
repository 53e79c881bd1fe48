"""The pages in another language: what is listed for translators, what is shown, and what happens without."""

import subprocess
import sys

import pytest
from flask import render_template_string

from cli.web_process import brand as brand_of
from settings import Settings, SettingsError
from web import translations
from web.brand import Brand
from web.components import ROOT, create_shell

CATALOGUE = """
msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"

msgid "Call %(number)s <strong>now</strong>."
msgstr "Ffoniwch %(number)s <strong>nawr</strong>."

msgid "%(num)s day"
msgid_plural "%(num)s days"
msgstr[0] "%(num)s diwrnod"
msgstr[1] "%(num)s o ddyddiau"
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "cy.po").write_text(CATALOGUE, encoding="utf-8")
    return tmp_path


@pytest.fixture
def welsh(folder):
    app = create_shell(Brand())
    translations.register(app, translations.catalogue("cy", folder))
    return app


def test_the_list_for_translators_is_what_the_pages_say():
    checked = subprocess.run(
        [sys.executable, "scripts/messages.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_a_sentence_is_shown_in_the_language_of_the_installation_and_what_is_put_in_is_escaped(welsh):
    with welsh.test_request_context():
        shown = render_template_string(
            "{% autoescape true %}{{ _('Call %(number)s <strong>now</strong>.', number=number) }}{% endautoescape %}",
            number="<999>",
        )
        assert shown == "Ffoniwch &lt;999&gt; <strong>nawr</strong>."
        assert translations.gettext("Call %(number)s <strong>now</strong>.", number="999").startswith("Ffoniwch 999")
        assert translations.ngettext("%(num)s day", "%(num)s days", 1) == "1 diwrnod"
        assert translations.ngettext("%(num)s day", "%(num)s days", 3) == "3 o ddyddiau"


def test_what_a_catalogue_lacks_stays_english(welsh):
    with welsh.test_request_context():
        assert translations.gettext("Not translated yet") == "Not translated yet"


def test_outside_an_application_words_are_english():
    assert translations.gettext("%(num)s", num=3) == "3"
    assert translations.ngettext("%(num)s day", "%(num)s days", 2) == "2 days"


def test_a_language_without_a_catalogue_is_refused_with_the_ones_there_are(folder):
    with pytest.raises(ValueError, match="in en, cy, not in 'de'"):
        translations.catalogue("de", folder)
    with pytest.raises(SettingsError, match="set HOLDFAST_LANGUAGE: there are pages in en"):
        brand_of(Settings.from_environment({"HOLDFAST_LANGUAGE": "../../etc"}))


def test_a_catalogue_that_cannot_be_read_is_refused(folder):
    (folder / "cy.po").write_text('msgid "one"\nrubbish\n', encoding="utf-8")
    with pytest.raises(ValueError, match="the catalogue of cy cannot be read"):
        translations.catalogue("cy", folder)
