"""`/demo/phone`, in a demonstration only: text as the victim, see the answer, watch what becomes of each text.

It speaks to the Twilio stand-in by HTTP, as a handset would to its network, and reads from the database how far each
text has come. There is no sign-in before it: nothing in a demonstration is anybody's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlencode

import requests
from flask import Blueprint, Response, abort, jsonify, redirect, render_template, request
from sqlalchemy import Connection, Engine, Row, select, text

from archive.tables import case, contributor, contributor_contact
from web.headers import content_security_policy, csp_nonce

STRANGER: Final = "+447700900978"
MOST_CHARACTERS: Final = 1600
SHOWN: Final = 30
PATIENCE_SECONDS: Final = 20.0
# An answer of the stand-in that says no.
REFUSED: Final = "The phone network did not take the text. Is the Twilio stand-in running?"
_FATES: Final = text(
    """
    SELECT acquisition.source_id, acquisition.sha256, acquisition.state, exhibit.initials, exhibit.number,
           exhibit.id IS NOT NULL AS archived, exhibit.quarantined_at IS NOT NULL AS quarantined,
           leaf_index < (SELECT coalesce(max(size), 0) FROM checkpoint) AS sealed,
           reply_item.exhibit_id IS NOT NULL AS decided, reply.state AS answer, reply.failed_because
    FROM acquisition
    LEFT JOIN exhibit USING (id)
    LEFT JOIN custody_leaf ON custody_leaf.entry_id = exhibit.archived_entry
    LEFT JOIN reply_item ON reply_item.exhibit_id = exhibit.id
    LEFT JOIN reply ON reply.id = reply_item.reply_id
    WHERE acquisition.source_id = ANY(:sids)
    """
)


@dataclass(frozen=True, slots=True)
class Network:
    """The stand-in for the phone network, and the database that says what became of texts.

    Attributes:
        engine: The application's login.
        api_url: The stand-in's address.
        account_sid: Its account; `auth_token` is the password.
    """

    engine: Engine
    api_url: str
    account_sid: str
    auth_token: str = field(repr=False)

    def send(self, sender: str, body: str) -> bool:
        """Text our number as this handset; says whether the network took it."""
        return self._ask("POST", "send", json={"from": sender, "body": body}) is not None

    def messages(self, number: str) -> list[Mapping[str, Any]]:
        """What this handset sent and received, oldest first, the newest of it."""
        found = self._ask("GET", "messages", params={"number": number})
        return list(found["messages"])[-SHOWN:] if found else []

    def _ask(self, method: str, path: str, **what: Any) -> Mapping[str, Any] | None:
        credentials = (self.account_sid, self.auth_token)
        try:
            answer = requests.request(
                method, f"{self.api_url}/_phone/{path}", auth=credentials, timeout=PATIENCE_SECONDS, **what
            )
        except requests.RequestException:
            return None
        found: Mapping[str, Any] | None = answer.json() if answer.ok else None
        return found


@dataclass(frozen=True, slots=True)
class Handset:
    """A phone one can text with: whose it is, its number, and the case it is enrolled on, if it is."""

    name: str
    number: str
    case_reference: str | None = None
    case_slug: str | None = None


@dataclass(frozen=True, slots=True)
class Bubble:
    """One text as the handset shows it, with what the house did to it.

    Attributes:
        mine: Whether the handset sent it.
        body: The words.
        at: When, by the network's clock.
        steps: What has become of it so far, one phrase each; none for answers.
        sha256: Digest of what was received, once it was.
    """

    mine: bool
    body: str
    at: datetime
    steps: tuple[str, ...] = ()
    sha256: str | None = None


def make_blueprint(network: Network) -> Blueprint:
    """The page, its pane and the form behind it."""
    blueprint = Blueprint("demo", __name__, url_prefix="/demo")

    @blueprint.get("/phone")
    def phone() -> str:
        """The handset, with the pane that shows what comes of it."""
        handsets = _handsets(network)
        chosen = _chosen(handsets)
        return render_template(
            "demo/phone.html", handsets=handsets, chosen=chosen, refused=REFUSED if "refused" in request.args else None
        )

    @blueprint.post("/phone")
    def send() -> Response:
        """Send what was typed as a text; then show the page again."""
        if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
            abort(403)
        chosen = _chosen(_handsets(network))
        body = request.form.get("words", "").strip()[:MOST_CHARACTERS]
        taken = not body or network.send(chosen.number, body)
        return _redirect({"number": chosen.number} | ({} if taken else {"refused": "1"}))

    @blueprint.get("/phone/pane")
    def pane() -> Response:
        """The conversation with the fate of each text; the page shows it in a frame, so that typing is not lost."""
        chosen = _chosen(_handsets(network))
        bubbles = _bubbles(network, chosen.number)
        page = render_template("demo/pane.html", bubbles=bubbles, chosen=chosen, seen=_fingerprint(bubbles))
        policy = content_security_policy(csp_nonce()).replace("frame-ancestors 'none'", "frame-ancestors 'self'")
        return Response(page, headers={"X-Frame-Options": "SAMEORIGIN", "Content-Security-Policy": policy})

    @blueprint.get("/phone/news.json")
    def news() -> Response:
        """Whether there is more to see than the pane shows; `static/build/progress.js` asks."""
        bubbles = _bubbles(network, _chosen(_handsets(network)).number)
        done = _fingerprint(bubbles) != request.args.get("seen")
        return jsonify(percent=None, text="Newest first. What is new shows by itself.", done=done)

    return blueprint


def _redirect(arguments: Mapping[str, str]) -> Response:
    answer = redirect(f"/demo/phone?{urlencode(arguments)}", 303)
    assert isinstance(answer, Response)  # noqa: S101 - narrows for mypy: Flask's redirect makes Flask's response
    return answer


def _handsets(network: Network) -> list[Handset]:
    """The phones enrolled on the newest case with any, and one that nobody enrolled."""
    with network.engine.connect() as connection:
        enrolled = _enrolled(connection)
    newest = [each for each in enrolled if each.case_slug == enrolled[0].case_slug]
    return [*newest, Handset("a stranger", STRANGER)]


def _enrolled(connection: Connection) -> list[Handset]:
    query = (
        select(contributor.c.name, contributor_contact.c.value, case.c.reference, case.c.slug)
        .join(contributor, contributor.c.id == contributor_contact.c.contributor_id)
        .join(case, case.c.id == contributor.c.case_id)
        .where(contributor_contact.c.kind == "phone", contributor.c.left_at.is_(None))
        .order_by(case.c.opened_at.desc(), contributor_contact.c.value)
        .limit(SHOWN)
    )
    return [Handset(*row) for row in connection.execute(query)]


def _chosen(handsets: Sequence[Handset]) -> Handset:
    number = request.values.get("number", handsets[0].number)
    return next((each for each in handsets if each.number == number), handsets[0])


def _bubbles(network: Network, number: str) -> list[Bubble]:
    messages = network.messages(number)
    with network.engine.connect() as connection:
        rows = connection.execute(_FATES, {"sids": [message["sid"] for message in messages]}).all()
    fates = {row.source_id: row for row in rows}
    return [_bubble(message, fates.get(message["sid"])) for message in messages]


def _bubble(message: Mapping[str, Any], fate: Row[Any] | None) -> Bubble:
    at = datetime.fromisoformat(message["at"])
    if message["direction"] != "sent":
        return Bubble(mine=False, body=message["body"], at=at)
    return Bubble(True, message["body"], at, tuple(_steps(fate)), fate.sha256 if fate else None)


def _steps(fate: Row[Any] | None) -> list[str]:
    if fate is None:
        return ["on its way"]
    if not fate.archived:
        return ["parked for a person to look at" if fate.state == "parked" else "received"]
    steps = ["archived and locked"]
    steps.append("in quarantine: nobody enrolled this number" if fate.quarantined else _reference(fate))
    if fate.sealed:
        steps.append("sealed in the ledger")
    if fate.decided:
        steps.append(_answer_words(fate))
    return steps


def _reference(fate: Row[Any]) -> str:
    return f"on the timeline as {fate.initials}/{fate.number}"


def _answer_words(fate: Row[Any]) -> str:
    words = {
        None: "not answered",
        "planned": "an answer is planned",
        "attempting": "an answer is on its way",
        "sent": "answered",
        "failed": f"the answer could not be sent: {fate.failed_because}",
        "unknown": "nobody knows whether the answer went out; it is not sent again",
        "withdrawn": f"the answer was withdrawn: {fate.failed_because}",
    }
    return words[fate.answer]


def _fingerprint(bubbles: Sequence[Bubble]) -> str:
    """Changes whenever the pane would look different."""
    return sha256(repr(bubbles).encode()).hexdigest()[:16]
