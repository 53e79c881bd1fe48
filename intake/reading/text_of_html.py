"""The words of a mail's HTML as plain lines, and what the HTML would have fetched. No tree, no script, no network.

libxml2's tokeniser drives a flat event handler, so neither depth nor broken markup matters, and time is linear. Blocks
become lines, quotes get "> " as a plain-text mail has them, a rule becomes a line of underscores (Outlook sets one
before the message it forwards). Text that its own style attribute hides is left out, and that is said: the contributor
did not see it, and an invisible header block must not name anyone.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import Final

from lxml import etree

from intake.reading import limits
from intake.reading.marked_headers import Mark, Marked
from intake.reading.model import displayable
from intake.reading.quoted_headers import quoted_lines

_SILENT: Final = frozenset({"script", "style", "title", "template"})
_BLOCKS: Final = frozenset({
    "address", "article", "aside", "blockquote", "body", "center", "dd", "div", "dl", "dt", "fieldset",
    "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "html", "li", "main", "nav", "ol",
    "pre", "section", "table", "tbody", "tfoot", "thead", "tr", "ul", "p",
})  # fmt: skip
_SPACED: Final = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "dl", "pre"})
_VOID: Final = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"}
)
_RULE: Final = "_" * 32
_HIDDEN: Final = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all|font-size\s*:\s*0(?![.\d])", re.IGNORECASE
)
# Attributes that name an address without fetching it: all others may fetch, by way of CSS, SVG or a srcset.
_NOT_FETCHED: Final = frozenset(
    {"action", "alt", "cite", "content", "formaction", "longdesc", "summary", "title", "value"}
)
_WHOLE: Final = frozenset({"src", "background", "poster", "data", "href", "xlink:href"})
_LINKING: Final = frozenset({"a", "area"})
_ADDRESS: Final = re.compile(r"(?:(?:https?|ftp|wss?|file):)?(?://|\\\\)[^\s\"'()<>,;\\]{1,2000}", re.IGNORECASE)
_CSS_ESCAPE: Final = re.compile(r"\\([0-9a-fA-F]{1,6})[ \t\n]?")
_LONGEST_LINK: Final = 2_000
_LINKS: Final = ("http:", "https:", "mailto:", "tel:", "sms:")
_LONGEST_VALUE: Final = 20_000
_LONGEST_STYLE: Final = 200_000
# Where Outlook begins what it forwards without a rule, by its elements or by the line it draws with a border.
_BEGINNINGS: Final = frozenset({"divrplyfwdmsg", "x_divrplyfwdmsg", "mail-editor-reference-message-container"})
_BORDER: Final = re.compile(
    r"border:\s*none;\s*border-top:\s*solid [^;]{1,40};\s*padding:\s*3|border-style:\s*solid none none", re.IGNORECASE
)
_MOST_MARKED: Final = 20
_MOST_MARKED_LINES: Final = 12
_SPACES: Final = re.compile(r"[ \t\r\n\f]+")


@dataclass(frozen=True, slots=True)
class HtmlText:
    """Lines of text, the remote addresses that showing the HTML would fetch, and the targets of its links."""

    text: str
    remote: tuple[str, ...]
    links: tuple[str, ...]
    defects: tuple[str, ...]
    marked: tuple[Marked, ...] = ()


def text_of_html(html: str) -> HtmlText:
    """Read `html` (at most `limits.HTML_CHARACTERS` of it). Total: any string gives a result."""
    target = _Lines()
    # NUL ends a document for libxml2; the bytes are the evidence, this is for reading.
    data = displayable(html[: limits.HTML_CHARACTERS]).encode("utf-8", "replace")
    parser = etree.HTMLParser(
        target=target,
        encoding="utf-8",
        no_network=True,
        recover=True,
        huge_tree=True,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        parser.feed(data)
        parser.close()
    except (etree.LxmlError, ValueError, AssertionError):
        target.defects.append("HTML that could not be read to its end")
    return target.result()


class _Lines:
    """The handler libxml2 calls: start, end, data, close."""

    def __init__(self) -> None:
        self.defects: list[str] = []
        self._lines: list[str] = []
        self._line: list[str] = []
        self._size = 0
        self._quotes = 0
        self._preformatted = 0
        self._silence: list[str] = []  # the open elements from the first silent one on
        self._in_style = False
        self._remote: dict[str, None] = {}
        self._links: dict[str, None] = {}
        self._marked: list[Marked] = []
        self._mark: tuple[Mark, str, int] | None = None  # what an open element marks, its name, its first line
        self._mark_depth = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = str(tag).lower()
        self._collect(name, attributes)
        self._in_style = name == "style"
        if self._silence:
            if name not in _VOID and len(self._silence) < limits.HTML_CHARACTERS:
                self._silence.append(name)
            return
        if name in _SILENT or (name not in _VOID and self._is_hidden(attributes)):
            self._silence.append(name)
            return
        self._open(name)
        self._begin(name, attributes)

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        """Heed the elements in which mail programs begin a message that they forward."""
        place = attributes.get("id", "")[:100]
        classes = attributes.get("class", "")[:200].split()
        if name == "div" and (place.lower() in _BEGINNINGS or _BORDER.search(attributes.get("style", "")[:500])):
            self._break()
            self._rule()
        if self._mark is not None:
            self._mark_depth += name == self._mark[1]
        elif len(self._marked) < _MOST_MARKED and (mark := _mark_of(name, place, classes)):
            self._mark, self._mark_depth = (mark, name, len(self._lines)), 1

    def _rule(self) -> None:
        last = next((line for line in reversed(self._lines[-3:]) if line.strip("> ")), "")
        if last.strip("> ") != _RULE:
            self._line.append(_RULE)
            self._break()

    def _end_mark(self, name: str) -> None:
        if self._mark is None or name != self._mark[1]:
            return
        self._mark_depth -= 1
        if self._mark_depth == 0:
            self._break()
            inside = "\n".join(self._lines[self._mark[2] :][:_MOST_MARKED_LINES])
            lines = tuple(line.text for line in quoted_lines(inside))
            while lines and not lines[-1]:
                lines = lines[:-1]
            if lines and lines[0]:
                self._marked.append(Marked(self._mark[0], lines))
            self._mark = None

    def _open(self, name: str) -> None:
        if name == "br":
            self._break(always=True)
        elif name == "hr":
            self._break()
            self._line.append(_RULE)
            self._break()
        elif name in ("td", "th"):
            if self._line:
                self._line.append("\t")
        elif name in _BLOCKS:
            self._break()
            self._space(name)
        if name == "li":
            self._line.append("• ")
        self._quotes += name == "blockquote"
        self._preformatted += name == "pre"

    def end(self, tag: str) -> None:
        name = str(tag).lower()
        self._in_style = False
        if self._silence:
            if name == self._silence[-1]:
                self._silence.pop()
            elif name == self._silence[0]:  # libxml2 closes in order what it opened, but not past its depth limit
                self._silence.clear()
            return
        if name in _BLOCKS:
            self._break()
            self._space(name)
        self._end_mark(name)
        self._quotes -= name == "blockquote" and self._quotes > 0
        self._preformatted -= name == "pre" and self._preformatted > 0

    def data(self, text: str) -> None:
        if self._in_style:
            self._fetches(text[:_LONGEST_STYLE])
        if self._silence:
            if not self._in_style and text.strip() and self._silence[0] not in _SILENT:
                self._say("text that the HTML hides is left out")
            return
        if self._size > limits.TEXT_CHARACTERS:
            self._say("longer than the reader shows")
            return
        self._size += len(text)
        if self._preformatted:
            first, *rest = text.replace("\r\n", "\n").split("\n")
            self._line.append(first)
            for line in rest:
                self._break(always=True)
                self._line.append(line)
        else:
            words = _SPACES.sub(" ", text)
            self._line.append(words.lstrip(" ") if not self._line else words)

    def comment(self, text: str) -> None:
        """Pass over: a comment is no text, not even one that Outlook would read."""

    def pi(self, target: str, data: str) -> None:
        """Pass over: an instruction is no text."""

    def close(self) -> None:
        self._break()

    def result(self) -> HtmlText:
        self._break()
        text = re.sub(r"\n(?:[> ]*\n){3,}", "\n\n\n", "\n".join(self._lines)).strip("\n")
        return HtmlText(
            displayable(text), tuple(self._remote), tuple(self._links), tuple(self.defects), tuple(self._marked)
        )

    def _break(self, *, always: bool = False) -> None:
        line = "".join(self._line).replace("\xa0", " ").rstrip()
        self._line = []
        if line or always:
            self._lines.append("> " * self._quotes + line if self._quotes else line)

    def _space(self, name: str) -> None:
        if name in _SPACED and self._lines and self._lines[-1].strip("> "):
            self._lines.append(("> " * self._quotes).rstrip())

    def _is_hidden(self, attributes: dict[str, str]) -> bool:
        return "hidden" in attributes or _HIDDEN.search(attributes.get("style", "")[:2_000]) is not None

    def _say(self, defect: str) -> None:
        if defect not in self.defects:
            self.defects.append(defect)

    def _collect(self, name: str, attributes: dict[str, str]) -> None:
        for key, value in attributes.items():
            attribute = key.lower()
            if attribute == "href" and name in _LINKING:
                self._link(value.strip())
            elif attribute in _WHOLE and _ADDRESS.match(value.strip()):
                self._fetched(value.strip())
            elif attribute not in _NOT_FETCHED and not attribute.startswith("xmlns"):
                self._fetches(value[:_LONGEST_VALUE])
        if name == "meta" and attributes.get("http-equiv", "").lower() == "refresh":
            self._fetches(attributes.get("content", "")[:_LONGEST_VALUE])

    def _fetches(self, value: str) -> None:
        if "/" not in value and "\\" not in value:
            return
        for match in _ADDRESS.finditer(_CSS_ESCAPE.sub(_escaped, value)):
            self._fetched(match[0])

    def _fetched(self, address: str) -> None:
        if len(self._remote) < limits.REMOTE:
            self._remote.setdefault(displayable(address[:_LONGEST_LINK]))

    def _link(self, address: str) -> None:
        if address.lower().startswith(_LINKS) and len(self._links) < limits.REMOTE:
            self._links.setdefault(displayable(address[:_LONGEST_LINK]))


def _mark_of(name: str, place: str, classes: list[str]) -> Mark | None:
    if name == "div" and "gmail_attr" in classes:
        return "gmail_attr"
    if name == "div" and place.lower().endswith("divrplyfwdmsg"):
        return "divRplyFwdMsg"
    return "moz-email-headers-table" if name == "table" and "moz-email-headers-table" in classes else None


def _escaped(match: re.Match[str]) -> str:
    code = int(match[1], 16)
    return chr(code) if 0 < code <= sys.maxunicode else "\ufffd"
