"""Search engines find the guide, and nothing else."""

import re
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from lxml import html

from tests.web.conftest import PUBLIC_URL
from web import guide, search_engines
from web.brand import Brand
from web.components import TEMPLATES_FOLDER

PERSONAL = ("/diary/x", "/upload/x", "/diary/s/x", "/cases", "/cases/1/links", "/sign-in", "/quarantine", "/metrics")


@pytest.fixture
def client(public_app):
    return public_app.test_client()


def test_the_sitemap_lists_each_page_of_the_guide_and_no_other(client):
    response = client.get("/sitemap.xml")
    assert response.mimetype == "application/xml"
    found = [each.text for each in ET.fromstring(response.text).iter(f"{{{search_engines.NAMESPACE}}}loc")]
    assert found == [PUBLIC_URL + page.path for page in guide.PAGES]
    assert all(client.get(address.removeprefix(PUBLIC_URL)).status_code == 200 for address in found)


def test_robots_may_read_the_guide_alone_and_are_told_no_other_address(client):
    text = client.get("/robots.txt").text
    allowed = re.findall(r"^Allow: (.+)$", text, re.MULTILINE)
    assert set(allowed) == {f"{page.path}$" for page in guide.PAGES} | {"/static/"}
    assert "Disallow: /\n" in text
    assert f"Sitemap: {PUBLIC_URL}/sitemap.xml" in text
    for path in PERSONAL:
        assert f": /{path.split(chr(47))[1]}" not in text


@pytest.mark.parametrize("page", guide.PAGES, ids=lambda page: page.endpoint)
def test_each_page_says_what_it_is_where_it_is_and_in_which_language(client, page):
    document = html.fromstring(client.get(page.path).text)
    (description,) = document.xpath("//meta[@name='description']/@content")
    assert description.startswith(f"{page.heading}. ")
    assert len(description) > len(page.heading) + 10
    assert document.xpath("//link[@rel='canonical']/@href") == [PUBLIC_URL + page.path]
    assert document.get("lang") == "en"


@pytest.mark.parametrize("page", guide.PAGES, ids=lambda page: page.endpoint)
def test_headings_never_skip_a_level(client, page):
    levels = [
        int(each.tag[1])
        for each in html.fromstring(client.get(page.path).text).xpath(
            "//main//*[self::h1 or self::h2 or self::h3 or self::h4]"
        )
    ]
    assert levels[0] == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))


def test_everything_but_the_guide_asks_not_to_be_listed(site):
    client = site.client if hasattr(site, "client") else site.app.test_client()
    for path in ("/sign-in", "/diary/x", "/health/live"):
        assert client.get(path).headers["X-Robots-Tag"] == search_engines.HIDDEN, path
    assert "X-Robots-Tag" not in client.get("/").headers


def test_no_name_number_or_link_of_a_host_is_written_into_a_page():
    """What a brand can say, templates must not say by themselves."""
    fixed = {Brand().emergency_number, Brand().non_emergency_number, Brand().helpline_number, Brand().helpline_name,
             Brand().helpline_body, "police.uk", "bbc.co.uk", "suzylamplugh", "tpsonline"}  # fmt: skip
    for folder in ("public", "personal", "diary", "upload", "errors"):
        for path in sorted((TEMPLATES_FOLDER / folder).glob("*.html")):
            text = path.read_text(encoding="utf-8")
            assert [each for each in fixed if re.search(rf"\b{re.escape(each)}\b", text)] == [], path
