"""How old a reader must be, for each page that people who are stalked see.

    .venv/bin/python -m tests.web.reading_age     prints the figures that docs/accessibility.md gives

Two formulas, and the higher of their figures counts: Flesch–Kincaid weighs syllables, Coleman–Liau letters; both give a
school grade, and a child is five years old when grade 0 begins. What is read is what a person reads, block by block: a
heading or a list item ends a sentence even without a full stop. Numbers to call are no words. Names of organisations
are, because they have to be read too.

Public pages are read as they are shown. Personal pages need a visit to be shown, so their sentences are read from the
list that translators get: whatever they say stands in it.
"""

from __future__ import annotations

import re
import warnings
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from lxml import html

from scripts.messages import sentences
from web import guide
from web.brand import Brand
from web.components import create_shell
from web.public import make_blueprint

with warnings.catch_warnings():
    # Its word lists hold escapes that newer Pythons warn of, once, when the file is compiled.
    warnings.simplefilter("ignore")
    import readability

AGE_AT_GRADE_0 = 5
FEWEST_WORDS = 60
WORD = re.compile(r"[A-Za-z][A-Za-z’'-]*")
END = re.compile(r"(?<=[.!?:;])[”’)]*\s+")
OUTER = "self::p or self::li or self::dt or self::dd or self::legend or self::label or self::h1 or self::h2 or self::h3"
INNER = f"{OUTER} or self::ul or self::ol or self::dl or self::div or self::fieldset"
ROOMS = ("personal", "diary", "upload", "receipt")


@dataclass(frozen=True, slots=True)
class Figure:
    """One page's reading age by either formula, in years, over so many words."""

    kincaid: float
    coleman_liau: float
    words: int

    @property
    def age(self) -> float:
        return max(self.kincaid, self.coleman_liau)


def measure(blocks: Iterable[str]) -> Figure:
    """Read blocks of text."""
    lines = [" ".join(WORD.findall(sentence)) for block in blocks for sentence in END.split(block)]
    measured = readability.getmeasures([line for line in lines if line], lang="en")
    grades = measured["readability grades"]
    ages = [round(grades[name] + AGE_AT_GRADE_0, 1) for name in ("Kincaid", "Coleman-Liau")]
    return Figure(*ages, measured["sentence info"]["words"])


def blocks_of(page: str) -> list[str]:
    """The text of a page's main part, each block once."""
    main = html.fromstring(page).xpath("//main")[0]
    innermost = main.xpath(f".//*[{OUTER} or self::div[not(.//strong)] or self::strong][not(.//*[{INNER}])]")
    outermost = (block for block in innermost if not block.xpath(f"ancestor::*[{OUTER}][not(.//*[{INNER}])]"))
    texts = (" ".join(block.text_content().split()) for block in outermost)
    # "Yes" and "No" twelve times over would make twelve questions look easy.
    return list(dict.fromkeys(text for text in texts if text))


def public_figures() -> dict[str, Figure]:
    """The figure of each public page, by its address; the answers to the questions are pages too."""
    app = create_shell(Brand())
    app.register_blueprint(make_blueprint(Brand(), ""))
    client = app.test_client()
    shown = {page.path: client.get(page.path) for page in (*guide.PAGES, guide.RISK_STEP)}
    shown |= {
        f"{guide.RISK.path} ({given})": client.post(guide.RISK.path, data={"q1": given}) for given in ("yes", "no")
    }
    return {path: measure(blocks_of(response.text)) for path, response in shown.items()}


def personal_figures() -> dict[str, Figure]:
    """The figure of each template of the personal pages; short ones of a room are read together."""
    said = defaultdict(list)
    for message in sentences():
        for path, _ in message.locations:
            if message.id and path.split("/")[1] in {*ROOMS, *(f"{room}.py" for room in ROOMS)}:
                forms = message.id if isinstance(message.id, tuple) else (message.id,)
                said[path].extend(re.sub(r"<[^>]+>|%\(\w+\)s", " ", form) for form in forms)
    together: dict[str, list[str]] = defaultdict(list)
    for path, texts in said.items():
        is_long = sum(len(WORD.findall(text)) for text in texts) >= FEWEST_WORDS
        together[path if is_long else f"{path.rpartition('/')[0]}/…"].extend(texts)
    return {path: measure(texts) for path, texts in together.items()}


def row(path: str, figure: Figure) -> str:
    """One line of the table in docs/accessibility.md."""
    return f"| `{path}` | {figure.words} | {figure.kincaid:.1f} | {figure.coleman_liau:.1f} |"


if __name__ == "__main__":
    print("| page | words | Flesch–Kincaid | Coleman–Liau |", "|---|---|---|---|", sep="\n")
    for path, figure in sorted({**public_figures(), **personal_figures()}.items()):
        print(row(path, figure))
