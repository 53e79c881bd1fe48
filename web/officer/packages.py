"""Evidence packages: asked for by a button, built by a worker, taken from the vault."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import structlog
from flask import Blueprint, Response, abort, jsonify, make_response, redirect, render_template, request, url_for
from sqlalchemy import Connection, Row, select

from archive import package_desk
from archive.case import Case
from archive.custody import Action, case_stream
from archive.edition import EDITIONS, FULL
from archive.jobs import Job
from archive.tables import package
from web.access import Right, case_or_404, requires, signed_in
from web.accounts import emails_of
from web.collaborators import Web
from web.officer.looks import record_look

WORDS = {
    "requested": "Waiting for a worker",
    "building": "Building",
    "ready": "Ready",
    "failed": "Failed",
}

log = structlog.get_logger()


def add_routes(blueprint: Blueprint, web: Web) -> None:
    """`/cases/<ref>/package` and what follows from it."""

    @blueprint.get("/cases/<slug>/package")
    @requires(Right.EXPORT_CASE, in_case=True)
    def show_packages(slug: str) -> str:
        """The packages of a case, newest first, and the button for another."""
        with web.engine.begin() as connection:
            case = case_or_404(connection, slug, Right.EXPORT_CASE)
            query = select(package).where(package.c.case_id == case.id).order_by(package.c.requested_at.desc())
            packages = connection.execute(query).all()
            names = emails_of(connection)
            record_look(connection, Action.CASE_VIEWED, case_stream(case.id), at=web.now(), page="packages")
        return render_template(
            "officer/packages.html", officer=signed_in(), case=case, packages=packages, names=names, words=WORDS
        )

    @blueprint.post("/cases/<slug>/package")
    @requires(Right.EXPORT_CASE, in_case=True)
    def request_package(slug: str) -> Response:
        """Ask for a package; commit, then nudge."""
        with web.engine.begin() as connection:
            case = case_or_404(connection, slug, Right.EXPORT_CASE)
            edition, actor = _edition(), signed_in().actor
            package_id = package_desk.request(connection, case, edition=edition, at=web.now(), actor=actor)
        web.nudge(Job.BUILD_PACKAGE, str(package_id))
        return make_response(redirect(url_for("officer.show_package", slug=slug, package_id=package_id), 303))

    @blueprint.get("/cases/<slug>/package/<uuid:package_id>")
    @requires(Right.EXPORT_CASE, in_case=True)
    def show_package(slug: str, package_id: UUID) -> str:
        """How far one package is."""
        with web.engine.begin() as connection:
            case = case_or_404(connection, slug, Right.EXPORT_CASE)
            found = _package_or_404(connection, case, package_id)
            record_look(connection, Action.CASE_VIEWED, case_stream(case.id), at=web.now(), page="package")
        return render_template(
            "officer/package.html",
            officer=signed_in(),
            case=case,
            package=found,
            words=WORDS,
            percent=_percent(found),
            progress=_progress(found),
        )

    @blueprint.get("/cases/<slug>/package/<uuid:package_id>/status.json")
    @requires(Right.EXPORT_CASE, in_case=True)
    def package_status(slug: str, package_id: UUID) -> Response:
        """The same for the script that waits. It tells nothing of the evidence, so it is no entry in the ledger."""
        with web.engine.begin() as connection:
            found = _package_or_404(connection, case_or_404(connection, slug, Right.EXPORT_CASE), package_id)
        is_done = found.state in {"ready", "failed"}
        return jsonify(percent=_percent(found), text=_progress(found), done=is_done)

    @blueprint.get("/cases/<slug>/package/<uuid:package_id>/download")
    @requires(Right.EXPORT_CASE, in_case=True)
    def download_package(slug: str, package_id: UUID) -> Response:
        """The package's bytes, the same at each download."""
        with web.engine.begin() as connection:
            case = case_or_404(connection, slug, Right.EXPORT_CASE)
            found = _package_or_404(connection, case, package_id)
            if found.state != "ready":
                abort(404)
            facts = {"package_id": str(package_id), "sha256": found.sha256}
            record_look(connection, Action.PACKAGE_DOWNLOADED, case_stream(case.id), at=web.now(), **facts)
        answer = Response(_checked(web, found), content_type="application/zip")
        answer.headers["Content-Disposition"] = f'attachment; filename="{case.slug}-{found.sha256[:8]}.zip"'
        answer.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
        if found.size_bytes is not None:
            answer.content_length = found.size_bytes
        return answer


def _edition() -> str:
    """The edition that was asked for; what is none is not guessed at."""
    asked = request.form.get("edition", FULL)
    return asked if asked in EDITIONS else abort(400)


def _package_or_404(connection: Connection, case: Case, package_id: UUID) -> Row[Any]:
    query = select(package).where(package.c.id == package_id, package.c.case_id == case.id)
    return connection.execute(query).first() or abort(404)


def _percent(found: Row[Any]) -> int | None:
    if found.state == "ready":
        return 100
    return min(99, 100 * found.done // found.total) if found.total else None


def _progress(found: Row[Any]) -> str:
    if found.state == "building" and found.total:
        return f"Building: {found.done} of {found.total} items"
    return WORDS[found.state]


def _checked(web: Web, found: Row[Any]) -> Iterator[bytes]:
    """The bytes as they come out of the vault; a wrong digest breaks the download off before its last piece."""
    running, held = hashlib.sha256(), b""
    for piece in web.vault.stream(found.vault_key, found.vault_version):
        running.update(piece)
        if held:
            yield held
        held = piece
    if running.hexdigest() != found.sha256:
        log.error("package.digest_mismatch", package_id=str(found.id))
        return
    yield held
