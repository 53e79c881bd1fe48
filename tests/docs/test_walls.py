"""Walls between rooms that import-linter cannot see: what pages load, and who may speak to the outside."""

import ast
import re
from pathlib import Path

from tests.docs.pages import ROOT

LOADS = re.compile(
    r"<(?:script|img|iframe|link|video|audio|source|embed|object)\b[^>]*?\b(?:src|href|data|srcset)=[\"']([^\"']*)"
)
CSS_LOADS = re.compile(r"@import\b|url\(\s*[\"']?(?:https?:)?//")
# It speaks to the stand-in for Twilio on this machine, and is there in the demonstration alone.
DEMONSTRATION = "web/demo.py"
CLIENTS = {"requests", "urllib.request", "http.client", "httpx", "socket", "smtplib", "imapclient", "aiohttp"}


def imports_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    plain = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    return plain | {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}


def test_no_page_loads_anything_from_another_host():
    """Promise 7: neither templates nor styles name a file of anybody else's."""
    pages = list((ROOT / "templates").rglob("*.html"))
    assert pages
    for path in pages:
        for address in LOADS.findall(path.read_text(encoding="utf-8")):
            assert not re.match(r"\s*(?:https?:)?//", address), f"{path.name} loads {address}"
    styles = list((ROOT / "static" / "vendor").rglob("*.css"))
    assert styles
    for path in styles:
        assert not CSS_LOADS.search(path.read_text(encoding="utf-8")), path.name


def test_rooms_that_show_evidence_cannot_speak_to_a_network():
    """Promise 7: pages, timeline and readings hold no client of any network; the vault is reached through the archive."""
    for room in ("web", "timeline", "intake/reading"):
        for path in (ROOT / room).rglob("*.py"):
            name = path.relative_to(ROOT).as_posix()
            assert name == DEMONSTRATION or not imports_of(path) & CLIENTS, name


def test_one_room_alone_decides_and_sends_answers():
    """Promise 6: whoever answers goes through replies.egress; no page and no door can."""
    for room in ("web", "intake", "timeline", "archive"):
        for path in (ROOT / room).rglob("*.py"):
            assert not {
                name
                for name in imports_of(path)
                if name.startswith(("replies.egress", "replies.texting", "replies.mailing"))
            }, path.relative_to(ROOT)
