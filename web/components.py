"""What every template stands on: the GOV.UK macros, our own assets, and the filters that render times and sizes."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from flask import Flask, url_for
from jinja2 import ChoiceLoader, PackageLoader, PrefixLoader

from web import translations
from web.brand import Brand
from web.headers import csp_nonce

ROOT: Final = Path(__file__).resolve().parent.parent
TEMPLATES_FOLDER: Final = ROOT / "templates"
# Only what was built is served: the sources beside it, and a maintainer's node_modules, are not.
STATIC_FOLDER: Final = ROOT / "static" / "vendor"
STATIC_URL_PATH: Final = "/static/vendor"
MANIFEST: Final = STATIC_FOLDER / "manifest.json"

SCREEN_ZONE: Final = ZoneInfo("Europe/London")
DIGEST_SHOWN: Final = 12
KILOBYTE: Final = 1000


def create_shell(brand: Brand) -> Flask:
    """Return a Flask application that has our templates, assets and filters, and no routes yet but the assets'."""
    app = Flask(
        "holdfast",
        template_folder=str(TEMPLATES_FOLDER),
        static_folder=str(STATIC_FOLDER),
        static_url_path=STATIC_URL_PATH,
    )
    register(app, brand)
    return app


def register(app: Flask, brand: Brand) -> None:
    """Offer the GOV.UK macros, `brand`, `asset()`, `_()` and our filters to the templates of `app`.

    Raises:
        FileNotFoundError: `static/vendor/` was not built; `static/build/README.md` says how.
        ValueError: there is no catalogue of the brand's language.
    """
    translations.register(app, translations.catalogue(brand.language))
    digests: dict[str, str] = json.loads(MANIFEST.read_text(encoding="utf-8"))["files"]
    kit = PrefixLoader({"govuk_frontend_jinja": PackageLoader("govuk_frontend_jinja")})
    env = app.jinja_env
    env.loader = ChoiceLoader([loader for loader in (app.jinja_loader, kit) if loader is not None])
    env.globals["brand"] = brand
    env.globals["csp_nonce"] = csp_nonce
    env.globals["asset"] = lambda name: url_for("static", filename=name, v=digests[name][:DIGEST_SHOWN])
    env.filters.update(FILTERS)


def utc(moment: datetime) -> str:
    """Render an aware moment for machines: `2026-11-23T12:00:00.000Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def on_screen(moment: datetime) -> str:
    """Render an aware moment for people, with its zone: `23 November 2026 at 14:05:09 GMT`."""
    local = moment.astimezone(SCREEN_ZONE)
    return f"{local.day} {local:%B %Y at %H:%M:%S %Z}"


def on_screen_day(moment: datetime) -> str:
    """Render the day of an aware moment as it was in London: `23 November 2026`."""
    local = moment.astimezone(SCREEN_ZONE)
    return f"{local.day} {local:%B %Y}"


def short_digest(sha256: str) -> str:
    """Shorten a digest for a list. The algorithm stays: a digest never travels without it."""
    return f"sha256:{sha256[:DIGEST_SHOWN]}…"


def size(size_bytes: int) -> str:
    """Render a size in decimal units, as phones show it: `999 bytes`, `1.2 kB`, `3.4 MB`."""
    if size_bytes < KILOBYTE:
        return f"{size_bytes} byte{'' if size_bytes == 1 else 's'}"
    shown = float(size_bytes)
    for unit in ("kB", "MB", "GB"):
        shown /= KILOBYTE
        if shown < KILOBYTE:
            return f"{shown:.1f} {unit}"
    return f"{shown / KILOBYTE:.1f} TB"


def thousands(number: int) -> str:
    """Render a count with commas: `12,345`."""
    return f"{number:,}"


def sentence_case(text: str) -> str:
    """Give `text` a capital at its start and leave the rest as it is."""
    return text[:1].upper() + text[1:]


def telephone_link(number: str) -> str:
    """Return a `tel:` address for a number as people write it."""
    return "tel:" + "".join(character for character in number if character in "+0123456789")


FILTERS: Final = {
    "utc": utc,
    "on_screen": on_screen,
    "on_screen_day": on_screen_day,
    "short_digest": short_digest,
    "size": size,
    "thousands": thousands,
    "sentence_case": sentence_case,
    "telephone_link": telephone_link,
}
