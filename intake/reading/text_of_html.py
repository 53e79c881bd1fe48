"""The words of a mail's HTML as plain lines, and what the HTML would have fetched. No tree, no script, no network.

libxml2's tokeniser drives a flat event handler, so neither depth nor broken markup matters, and time is linear. Blocks
become lines, quotes get "> " as a plain-text mail has them, a rule becomes a line of underscores (Outlook sets one
before the message it forwards). Text that the page would hide is left out, and that is said: the contributor did not
see it, and an invisible header block must not name anyone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from lxml import etree

from intake.reading import limits
from intake.reading.model import displayable

_SILENT: Final = frozenset(
    {"script", "style", "title", "template", "head", "object", "applet", "select", "svg", "math", "noembed", "noframes"}
)
_BLOCKS: Final = frozenset(
    "address article aside blockquote body center dd div dl dt fieldset figure footer form h1 h2 h3 h4 h5 h6 header html li main nav ol pre"
    " section table tbody tfoot thead tr ul p".split()
)
_SPACED: Final = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "dl", "pre"})
_VOID: Final = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"}
)
_RULE: Final = "_" * 32
_HIDDEN: Final = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all|font-size\s*:\s*0(?![.\d])", re.IGNORECASE
)
_FETCHING: Final = {
    "src": None, "background": None, "poster": None, "dynsrc": None, "lowsrc": None, "data": frozenset({"object"}),
    "href": frozenset({"link", "image", "use", "base"}), "xlink:href": None, "srcset": None, "imagesrcset": None, "style": None,
}  # fmt: skip
_CSS_URL: Final = re.compile(r"(?:url\(\s*|@import\s+|image-set\(\s*)[\"']?([^\"')\s]{1,2000})", re.IGNORECASE)
_REMOTE: Final = re.compile(r"(?:https?|ftp|wss?|file):|//|\\\\", re.IGNORECASE)
_SPACES: Final = re.compile(r"[ \t\r\n\f]+")


@dataclass(frozen=True, slots=True)
class HtmlText:
    """Lines of text, the remote addresses that showing the HTML would fetch, and the targets of its links."""

    text: str
    remote: tuple[str, ...]
    links: tuple[str, ...]
    defects: tuple[str, ...]


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
            while self._silence and name in self._silence[-1:]:
                self._silence.pop()
                return
            self._close_unmatched(name)
            return
        if name in _BLOCKS:
            self._break()
            self._space(name)
        self._quotes -= name == "blockquote" and self._quotes > 0
        self._preformatted -= name == "pre" and self._preformatted > 0

    def _close_unmatched(self, name: str) -> None:
        # libxml2 closes what it opened, in order; after its depth limit it may not, and then hidden ends with its parent.
        if name == self._silence[0]:
            self._silence.clear()

    def data(self, text: str) -> None:
        if self._in_style:
            self._fetches(text)
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
        """Comments are no text. (Outlook's conditional ones are only read by Outlook.)"""

    def pi(self, target: str, data: str) -> None:
        """Processing instructions are no text."""

    def close(self) -> None:
        self._break()

    def result(self) -> HtmlText:
        self._break()
        text = re.sub(r"\n(?:[> ]*\n){3,}", "\n\n\n", "\n".join(self._lines)).strip("\n")
        return HtmlText(text, tuple(self._remote), tuple(self._links), tuple(self.defects))

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
            key = key.lower()
            only = _FETCHING.get(key, frozenset())
            if only is None or name in only:
                self._fetches(value) if key == "style" else self._sources(value, is_list="srcset" in key)
            elif key == "href" and name in ("a", "area"):
                self._link(value.strip())
        if name == "meta" and attributes.get("http-equiv", "").lower() == "refresh":
            self._sources(attributes.get("content", "").partition("=")[2], is_list=False)

    def _sources(self, value: str, *, is_list: bool) -> None:
        for each in value[:20_000].split(",") if is_list else [value]:
            address = each.strip().split(" ")[0].strip("'\"")
            if _REMOTE.match(address) and len(self._remote) < limits.REMOTE:
                self._remote.setdefault(address[:2_000])

    def _fetches(self, css: str) -> None:
        for match in _CSS_URL.finditer(css[:200_000]):
            self._sources(match[1], is_list=False)

    def _link(self, address: str) -> None:
        if (
            address.lower().startswith(("http:", "https:", "mailto:", "tel:", "sms:"))
            and len(self._links) < limits.REMOTE
        ):
            self._links.setdefault(displayable(address[:2_000]))
