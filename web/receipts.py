"""`/receipt`: somebody with a receipt code asks whether we have the file. No link, no cookie, and nothing else told.

A code that nobody was given and one that was typed wrong get the same words. The address never holds a code.
"""

from __future__ import annotations

from typing import Final

from flask import Blueprint, render_template, request

from web.collaborators import Web
from web.personal import PersonalPage
from web.translations import N_

MOST_BYTES: Final = 1024
MOST_CHARACTERS: Final = 100

ASK: Final = PersonalPage(N_("Check"), N_("Check a receipt"))


def make_blueprint(web: Web) -> Blueprint:
    """The page and its answer."""
    blueprint = Blueprint("receipts", __name__)

    @blueprint.get("/receipt")
    def ask_receipt() -> str:
        """The form."""
        return render_template("upload/receipt.html", page=ASK, back="/", asked=False, since=None, empty=False)

    @blueprint.post("/receipt")
    def check_receipt() -> str:
        """Since when we have it, or that there is no such code."""
        request.max_content_length = MOST_BYTES
        code = request.form.get("code", "").strip()[:MOST_CHARACTERS]
        if not code:
            return render_template("upload/receipt.html", page=ASK, back="/", asked=False, since=None, empty=True)
        with web.engine.connect() as connection:
            since = web.receipts.received_at(connection, code)
        return render_template("upload/receipt.html", page=ASK, back="/", asked=True, since=since, empty=False)

    return blueprint
