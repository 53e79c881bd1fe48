"""List every sentence of the pages for translators: `locale/holdfast.pot`, and bring the catalogues up to it.

`make messages` runs it. With `--check` it writes nothing and says whether the list is what the sources hold.
"""

from __future__ import annotations

import sys
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
LOCALE = ROOT / "locale"
TEMPLATE = LOCALE / "holdfast.pot"
SOURCES = (("web", "**.py", "python"), ("templates", "**.html", "jinja2"))
# As web/translations.py sets them: a message must be listed as it is looked up.
JINJA_OPTIONS = {"newstyle_gettext": "true", "trimmed": "true", "silent": "false", "encoding": "utf-8"}
# They change with each run and say nothing.
UNWANTED_HEADERS = (
    b'"POT-Creation-Date',
    b'"PO-Revision-Date',
    b'"Generated-By',
    b'"Last-Translator',
    b'"Report-Msgid',
    b'"Language-Team',
)


def sentences() -> Catalog:
    """What the sources hold now."""
    found = Catalog(project="Holdfast", version="0", charset="utf-8", header_comment="# Sentences of Holdfast's pages.")
    for folder, pattern, method in SOURCES:
        listed = extract_from_dir(
            ROOT / folder,
            method_map=[(pattern, method)],
            options_map={pattern: JINJA_OPTIONS if method == "jinja2" else {}},
            comment_tags=("Translators:",),
            strip_comment_tags=True,
        )
        for path, _line, message, comments, context in sorted(listed, key=lambda each: (each[0], each[1])):
            # Without the line: it changes whenever anything above it does.
            found.add(message, locations=[(f"{folder}/{path}", 0)], auto_comments=comments, context=context)
    return found


def written(catalog: Catalog, *, width: int = 100) -> bytes:
    """The bytes of a catalogue: the same for the same sentences."""
    into = BytesIO()
    write_po(into, catalog, width=width, sort_by_file=True, include_previous=False, ignore_obsolete=True)
    lines = into.getvalue().splitlines(keepends=True)
    return b"".join(line for line in lines if not line.startswith(UNWANTED_HEADERS))


def update(path: Path, template: Catalog) -> None:
    """Bring one translation up to the list: new sentences untranslated, changed ones marked fuzzy, others gone."""
    with path.open("rb") as file:
        translated = read_po(file, locale=path.stem)
    translated.update(template)
    path.write_bytes(written(translated))


def main() -> int:
    """Write the list, or check it."""
    found = sentences()
    if "--check" in sys.argv[1:]:
        if TEMPLATE.read_bytes() == written(found):
            return 0
        print("locale/holdfast.pot does not list what the pages say; run: make messages")
        return 1
    TEMPLATE.write_bytes(written(found))
    for path in sorted(LOCALE.glob("*.po")):
        update(path, found)
    print(f"{len(found)} sentences in locale/holdfast.pot")
    return 0


if __name__ == "__main__":
    sys.exit(main())
