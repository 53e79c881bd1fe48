"""What search engines are told: where the guide is, and that nothing else is for them.

Personal and officers' pages are not named here: a list of what must stay hidden would tell where it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from xml.etree import ElementTree as ET

from flask import Blueprint, Flask, Response, request

from web import guide

NAMESPACE: Final = "http://www.sitemaps.org/schemas/sitemap/0.9"
ROBOTS: Final = "/robots.txt"
SITEMAP: Final = "/sitemap.xml"
HIDDEN: Final = "noindex, nofollow, noarchive"


def robots(public_url: str) -> str:
    """The rules for robots (RFC 9309): the guide's pages and their style; nothing else, whatever it is called."""
    allowed = (f"Allow: {page.path}$" for page in guide.PAGES)
    lines = ("User-agent: *", *allowed, "Allow: /static/", "Disallow: /", "", f"Sitemap: {public_url}{SITEMAP}", "")
    return "\n".join(lines)


def sitemap(public_url: str, pages: Iterable[guide.Page] = guide.PAGES) -> str:
    """The addresses of the guide's pages, as https://www.sitemaps.org/protocol.html has it."""
    listed = ET.Element("urlset", xmlns=NAMESPACE)
    for page in pages:
        ET.SubElement(ET.SubElement(listed, "url"), "loc").text = f"{public_url}{page.path}"
    return ET.tostring(listed, encoding="unicode", xml_declaration=True)


def add_routes(blueprint: Blueprint, public_url: str) -> None:
    """Serve both."""
    blueprint.add_url_rule(ROBOTS, "robots", lambda: Response(robots(public_url), mimetype="text/plain"))
    blueprint.add_url_rule(SITEMAP, "sitemap", lambda: Response(sitemap(public_url), mimetype="application/xml"))


def register(app: Flask, *, listed: str) -> None:
    """Tell engines to list nothing of `app` but one blueprint, even where an address leaked to them."""

    def hide(response: Response) -> Response:
        if request.blueprint != listed and request.endpoint != "static":
            response.headers.setdefault("X-Robots-Tag", HIDDEN)
        return response

    app.after_request(hide)
