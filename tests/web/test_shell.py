"""What every page stands on: vendored files, headers, the brand, and macros that escape."""

import hashlib
import json
import re
import subprocess
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from flask import Response, render_template_string
from hypothesis import given
from hypothesis import strategies as st

from web import components, headers
from web.brand import Brand, Service, contrast_with_white, parse_services

BUILD = components.ROOT / "static" / "build"
HOSTILE = "<script>alert(1)</script>\"'&{{ 7 * 7 }}"


@pytest.fixture(scope="module")
def shell(brand):
    app = components.create_shell(brand)
    headers.register(app)
    app.jinja_env.globals["csrf_token"] = lambda: "token"

    @app.get("/officer")
    def officer() -> str:
        return render_template_string(
            '{% extends "layout_officer.html" %}{% set section = "cases" %}{% block title %}Cases{% endblock %}'
            '{% block content %}<h1 class="govuk-heading-l">Cases</h1>{% endblock %}',
            officer={"name": HOSTILE},
        )

    @app.get("/stricter")
    def stricter() -> Response:
        return Response("x", headers={"Content-Security-Policy": "sandbox", "X-Frame-Options": "SAMEORIGIN"})

    return app


def render(app, source, **context) -> str:
    with app.test_request_context():
        return render_template_string(source, **context)


# Vendored files


def test_the_vendored_files_are_those_of_the_manifest():
    listed = json.loads(components.MANIFEST.read_text(encoding="utf-8"))["files"]
    found = {
        path.relative_to(components.STATIC_FOLDER).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in components.STATIC_FOLDER.rglob("*")
        if path.is_file() and path != components.MANIFEST
    }
    assert found == listed


def test_the_manifest_names_the_versions_that_are_locked():
    packages = json.loads(components.MANIFEST.read_text(encoding="utf-8"))["packages"]
    locked = json.loads((BUILD / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    assert packages
    for name, facts in packages.items():
        assert facts["version"] == locked[f"node_modules/{name}"]["version"]
        assert facts["licence"] in {"MIT", "BSD-3-Clause"}, "licences that let anybody ship it, with its notice"
        notice = name.replace("@", "").replace("/frontend", "-frontend")
        assert (components.STATIC_FOLDER / "licences" / f"{notice}.txt").is_file(), name


def test_the_lock_names_digests_and_no_registry():
    text = (BUILD / "package-lock.json").read_text(encoding="utf-8")
    assert "resolved" not in text
    assert "registry" not in text
    packages = json.loads(text)["packages"]
    assert all(facts["integrity"].startswith("sha512-") for path, facts in packages.items() if path)


def test_nothing_that_belongs_to_gov_uk_is_shipped():
    for path in components.STATIC_FOLDER.rglob("*"):
        assert not re.search(r"crest|crown|logotype|govuk-icon|opengraph|\.woff|\.ttf", path.name), path
    for name in ("app.css", "public.css"):
        style = (components.STATIC_FOLDER / name).read_text(encoding="utf-8")
        assert not re.search(r"GDS Transport|@font-face|crest|crown|@import", style)
        assert not re.search(r"url\([\"']?(?!/static/vendor/|data:)", style), "a style loads from elsewhere"


def test_icons_that_styles_ask_for_exist():
    style = (components.STATIC_FOLDER / "app.css").read_text(encoding="utf-8")
    asked = set(re.findall(r"url\([\"']?/static/vendor/([^)\"']+)", style))
    assert asked
    assert [name for name in asked if not (components.STATIC_FOLDER / name).is_file()] == []


def test_build_sources_and_node_modules_are_neither_served_nor_committed(shell):
    assert shell.test_client().get("/static/build/package.json").status_code == 404
    ignored = ["git", "check-ignore", "-q", "static/build/node_modules/x"]
    assert subprocess.run(ignored, cwd=components.ROOT, check=False).returncode == 0


def test_assets_change_their_address_with_their_bytes(shell):
    address = render(shell, "{{ asset('public.css') }}")
    digest = hashlib.sha256((components.STATIC_FOLDER / "public.css").read_bytes()).hexdigest()
    assert address == f"/static/vendor/public.css?v={digest[: components.DIGEST_SHOWN]}"
    with shell.test_client().get(address) as response:
        assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert "Set-Cookie" not in response.headers
    with shell.test_client().get("/static/vendor/images/favicon.svg") as unversioned:
        assert unversioned.headers["Cache-Control"] == "public, max-age=86400"


# Headers


def test_each_response_has_its_own_nonce_and_its_inline_parts_carry_it(shell):
    client = shell.test_client()
    nonces = []
    for response in (client.get("/officer"), client.get("/officer")):
        (nonce,) = set(re.findall(r"'nonce-([^']+)'", response.headers["Content-Security-Policy"]))
        inline = re.findall(r"<(?:script|style)(?![^>]*src=)[^>]*>", response.text)
        assert inline
        assert all(f'nonce="{nonce}"' in tag for tag in inline)
        nonces.append(nonce)
    assert nonces[0] != nonces[1]


def test_a_view_may_set_a_stricter_policy_of_its_own(shell):
    response = shell.test_client().get("/stricter")
    assert response.headers["Content-Security-Policy"] == "sandbox"
    assert response.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_errors_carry_the_headers_too(shell):
    response = shell.test_client().get("/nowhere")
    assert response.status_code == 404
    assert response.headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]


def test_only_a_secure_page_asks_to_stay_secure(shell):
    client = shell.test_client()
    assert "Strict-Transport-Security" not in client.get("/officer").headers
    assert (
        "max-age=31536000" in client.get("/officer", base_url="https://x.example").headers["Strict-Transport-Security"]
    )


# Officers' layout and macros


def test_an_officers_page_names_them_as_text_and_offers_the_way_out(shell):
    page = shell.test_client().get("/officer").text
    assert "<script>alert(1)" not in page
    assert '<form action="/sign-out" method="post">' in page
    assert 'name="csrf_token" value="token"' in page
    assert "<title>Cases – Holdfast</title>" in page
    assert 'content="noindex, nofollow"' in page
    assert "crown" not in page.lower()


@pytest.mark.parametrize(
    "source",
    [
        (
            '{% from "moj/timeline.html" import mojTimelineItem %}{% call mojTimelineItem({"title": x, "byline": x, "when": x, '
            '"href": x, "id": x, "datetime": x}) %}{{ x }}{% endcall %}'
        ),
        (
            '{% from "moj/filter.html" import mojFilter %}{% call mojFilter({"heading": x, "clear": x, "submit": x, '
            '"selected": [{"heading": x, "items": [{"text": x, "href": x}]}]}) %}{{ x }}{% endcall %}'
        ),
        '{% from "moj/identity_bar.html" import mojIdentityBar %}{{ mojIdentityBar({"title": x}) }}',
        '{% from "moj/badge.html" import mojBadge %}{{ mojBadge({"text": x, "colour": x}) }}',
        '{% from "moj/alert.html" import mojAlert %}{{ mojAlert({"title": x, "text": x, "variant": x}) }}',
        '{% from "moj/alert.html" import mojAlert %}{% call mojAlert({"title": x}) %}{{ x }}{% endcall %}',
        '{% from "moj/pagination.html" import mojPagination %}{{ mojPagination({"previous": {"href": x}, "results": x}) }}',
        (
            '{% from "moj/messages.html" import mojMessages %}{{ mojMessages({"label": x, "items": [{"id": x, "type": x, '
            '"text": x, "sender": x, "datetime": x, "when": x, "day": x}]}) }}'
        ),
        (
            '{% from "moj/sub_navigation.html" import mojSubNavigation %}{{ mojSubNavigation({"label": x, "items": '
            '[{"text": x, "href": x, "active": true}]}) }}'
        ),
    ],
    ids=["timeline", "filter", "identity", "badge", "alert", "alert-call", "pagination", "messages", "sub-navigation"],
)
def test_every_macro_prints_hostile_text_as_text(shell, source):
    page = render(shell, source, x=HOSTILE)
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert '1)</script>"' not in page


def test_no_template_passes_markup_to_a_macro():
    """Whatever goes in by `html` is printed as it is: evidence must never find that way."""
    for path in components.TEMPLATES_FOLDER.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"[\"']?\w*[hH]tml[\"']?\s*:|\|\s*safe\b|autoescape", text), path


# Brand


@pytest.mark.parametrize(
    "wrong",
    [
        {"colour": "teal"},
        {"colour": "#1c4f56;}body{display:none"},
        {"colour": "#ffdd00"},
        {"exit_link": "http://weather.example"},
        {"report_link": "javascript:alert(1)"},
        {"helpline_link": 'https://x.example/"><script>'},
    ],
)
def test_a_brand_that_could_break_a_page_is_refused(wrong):
    with pytest.raises(ValueError, match=r"must (look like|be an https)"):
        Brand(**wrong)


def test_contrast_is_that_of_the_guidelines():
    assert contrast_with_white("#000000") == pytest.approx(21)
    assert contrast_with_white("#ffffff") == pytest.approx(1)
    assert contrast_with_white("#767676") == pytest.approx(4.54, abs=0.01)


def test_services_are_written_one_a_line():
    lines = ["Safe Steps | 01632 960001 | https://steps.example/", "", "Refuge", "Quiet Line|01632 960002"]
    assert parse_services(lines) == (
        Service("Safe Steps", "01632 960001", "https://steps.example/"),
        Service("Refuge"),
        Service("Quiet Line", "01632 960002"),
    )


@pytest.mark.parametrize("line", ["| 01632 960001", "A | B | https://c.example | D", "A | 1 | http://c.example"])
def test_a_service_that_cannot_be_read_is_refused(line):
    with pytest.raises(ValueError, match="support service"):
        parse_services([line])


@given(st.text(max_size=60))
def test_whatever_a_line_holds_it_is_a_service_or_refused(line):
    try:
        services = parse_services([line])
    except ValueError:
        return
    assert all(service.name and (not service.link or service.link.startswith("https://")) for service in services)


# Filters


def test_times_are_rendered_with_their_zone():
    summer = datetime(2026, 5, 1, 9, 0, 7, 250_000, tzinfo=UTC)
    assert components.utc(summer) == "2026-05-01T09:00:07.250Z"
    assert components.on_screen(summer) == "1 May 2026 at 10:00:07 BST"
    assert components.on_screen(datetime(2026, 11, 23, 14, 5, 9, tzinfo=UTC)) == "23 November 2026 at 14:05:09 GMT"
    assert components.on_screen_day(datetime(2026, 5, 31, 23, 30, tzinfo=UTC)) == "1 June 2026"


@pytest.mark.parametrize(
    ("size_bytes", "shown"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1_000, "1.0 kB"),
        (1_250_000, "1.2 MB"),
        (3 * 10**12, "3.0 TB"),
    ],
)
def test_sizes_are_shown_as_phones_show_them(size_bytes, shown):
    assert components.size(size_bytes) == shown


@given(st.integers(min_value=0, max_value=10**13))
def test_a_larger_file_never_shows_a_smaller_unit(size_bytes):
    units = ["byte", "bytes", "kB", "MB", "GB", "TB"]
    shown = [units.index(components.size(each).split()[1]) for each in (size_bytes, size_bytes * 10 + 10)]
    assert all(smaller <= larger for smaller, larger in pairwise(shown))


def test_small_words_are_kept_as_written():
    assert components.sentence_case("your local police") == "Your local police"
    assert components.sentence_case("") == ""
    assert components.telephone_link("0808 802 0300") == "tel:08088020300"
    assert components.short_digest("ab" * 32) == "sha256:abababababab…"
    assert components.thousands(12345) == "12,345"
