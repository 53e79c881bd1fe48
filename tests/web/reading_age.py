"""How old a reader must be: Flesch–Kincaid grade, plus the five years a child is old when grade 0 begins.

Read by hand: `.venv/bin/python -m tests.web.reading_age` prints the figure of each page.

What is read is what a person reads, block by block: a heading or a list item ends a sentence even without a full stop.
Numbers to call and addresses are no words. Names of organisations are, because they have to be read too.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable

from lxml import html

from web import guide
from web.brand import Brand
from web.components import create_shell
from web.public import make_blueprint

with warnings.catch_warnings():
    # Its word lists hold escapes that newer Pythons warn of, once, when the file is compiled.
    warnings.simplefilter("ignore", SyntaxWarning)
    import readability

AGE_AT_GRADE_0 = 5
BLOCKS = "//main//*[self::p or self::li or self::dt or self::legend or self::label or self::h1 or self::h2 or self::h3 or self::div]"
WORD = re.compile(r"[A-Za-z][A-Za-z’'-]*")
END = re.compile(r"(?<=[.!?:;])[”’)]*\s+")


def age(blocks: Iterable[str]) -> float:
    """The reading age of blocks of text, in years."""
    lines = [" ".join(WORD.findall(sentence)) for block in blocks for sentence in END.split(block)]
    measured = readability.getmeasures([line for line in lines if line], lang="en")
    return float(measured["readability grades"]["Kincaid"]) + AGE_AT_GRADE_0


def blocks_of(page: str) -> list[str]:
    """The text of a page's main part, each block once, without what only a program reads."""
    document = html.fromstring(page)
    found = []
    for block in document.xpath(BLOCKS):
        inner = block.xpath(
            "./*[self::p or self::li or self::ul or self::ol or self::div or self::h2 or self::h3 or self::legend or self::fieldset or self::form or self::dl]"
        )
        if not inner and (text := " ".join(block.text_content().split())):
            found.append(text)
    return found


def figures() -> dict[str, float]:
    """The reading age of each public page, by its path."""
    app = create_shell(Brand())
    app.register_blueprint(make_blueprint(Brand(), ""))
    client = app.test_client()
    return {page.path: age(blocks_of(client.get(page.path).text)) for page in guide.PAGES}


if __name__ == "__main__":
    for path, figure in sorted(figures().items(), key=lambda each: -each[1]):
        print(f"{figure:4.1f}  {path}")
