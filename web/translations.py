"""The words of the pages in the language of the installation. English is the source: without a catalogue it is shown.

Templates write `{{ _("…") }}` or `{% trans %}…{% endtrans %}`; Python writes `_("…")` where a sentence is shown, and
`N_("…")` where it only stands in a constant that is shown later. A message may hold our own simple tags, because
catalogues are ours as the templates are; what is put into it by name (`%(number)s`) is escaped by the template.

`locale/holdfast.pot` lists every sentence (`make messages` writes it). A translation is `locale/<language>.po`, read as
it is when a process starts: nothing has to be compiled, so nothing compiled can be stale.
"""

from __future__ import annotations

from gettext import NullTranslations
from io import BytesIO
from pathlib import Path
from typing import Final

from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po
from babel.support import Translations
from flask import Flask, current_app, has_app_context

SOURCE_LANGUAGE: Final = "en"
LOCALE_FOLDER: Final = Path(__file__).resolve().parent.parent / "locale"
EXTENSION: Final = "holdfast.translations"


def languages(folder: Path = LOCALE_FOLDER) -> tuple[str, ...]:
    """The languages that pages can be shown in: English, and each that has a catalogue."""
    return (SOURCE_LANGUAGE, *sorted(path.stem for path in folder.glob("*.po")))


def catalogue(language: str, folder: Path = LOCALE_FOLDER) -> NullTranslations:
    """The translations of one language; what a catalogue lacks stays English.

    Raises:
        ValueError: There is no catalogue for it, or it cannot be read; the sentence says which there are.
    """
    if language == SOURCE_LANGUAGE:
        return NullTranslations()
    if language not in languages(folder):
        raise ValueError(f"there are pages in {', '.join(languages(folder))}, not in {language!r}")
    try:
        with (folder / f"{language}.po").open("rb") as file:
            read = read_po(file, locale=language, abort_invalid=True)
    except PoFileError as error:
        raise ValueError(f"the catalogue of {language} cannot be read: {error}") from error
    compiled = BytesIO()
    write_mo(compiled, read)
    compiled.seek(0)
    return Translations(compiled)


def register(app: Flask, translations: NullTranslations) -> None:
    """Show the pages of `app` in these translations. Call it before the first template is rendered."""
    app.extensions[EXTENSION] = translations
    app.jinja_env.policies["ext.i18n.trimmed"] = True
    app.jinja_env.add_extension("jinja2.ext.i18n")
    # The extension adds this method; its stubs do not know it.
    app.jinja_env.install_gettext_translations(translations, newstyle=True)  # type: ignore[attr-defined]


def gettext(message: str, **values: object) -> str:
    """One message in the language of the application that is answering, its `%(name)s` filled in."""
    return _translations().gettext(message) % values


def ngettext(one: str, many: str, number: int, **values: object) -> str:
    """The form of a message that goes with `number`, which may stand in it as `%(num)s`."""
    return _translations().ngettext(one, many, number) % {"num": number, **values}


def N_(message: str) -> str:  # noqa: N802 - gettext's own name for it, which extraction looks for
    """Mark a message that stands in a constant: it is listed for translators, and translated where it is shown."""
    return message


def _translations() -> NullTranslations:
    if not has_app_context():
        return NullTranslations()
    found: NullTranslations = current_app.extensions.get(EXTENSION) or NullTranslations()
    return found


_ = gettext
