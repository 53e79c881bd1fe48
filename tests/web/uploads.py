"""Somebody who sends files by an upload link, for tests."""

from __future__ import annotations

import base64
from typing import Any

from sqlalchemy import select

from archive.link import LinkKind
from archive.tables import acquisition, exhibit
from tests.web.links import hold

TUS = {"Tus-Resumable": "1.0.0"}
BODY = {**TUS, "Content-Type": "application/offset+octet-stream"}


def b64(raw: bytes | str) -> str:
    return base64.b64encode(raw if isinstance(raw, bytes) else raw.encode()).decode()


class Sender:
    """Somebody with an upload link and a program that speaks tus."""

    def __init__(self, site: Any, **terms: Any) -> None:
        self.site = site
        self.case = site.casework.case(f"42/{id(self)}/26")
        self.person = site.casework.enrol(self.case)
        self.holder = hold(site, self.person, LinkKind.UPLOAD, **terms)
        self.client = self.holder.client
        self.path = self.holder.open()

    def create(self, size: int, name: bytes = b"photo.jpg", filetype: str = "image/jpeg", **headers: str):
        meta = f"filename {b64(name)},filetype {b64(filetype)}"
        return self.client.post(
            f"{self.path}/files", headers={**TUS, "Upload-Length": str(size), "Upload-Metadata": meta, **headers}
        )

    def append(self, where: str, offset: int, body: bytes, **headers: str):
        return self.client.patch(where, data=body, headers={**BODY, "Upload-Offset": str(offset), **headers})

    def offset(self, where: str) -> int:
        return int(self.client.head(where, headers=TUS).headers["Upload-Offset"])

    def send(self, body: bytes, **about: Any) -> str:
        where = self.create(len(body), **about).headers["Location"]
        if body:
            assert self.append(where, 0, body).status_code == 204
        return where


def rows(site: Any, table: Any) -> list[Any]:
    with site.casework.archive.engine.connect() as connection:
        return connection.execute(select(table)).all()


def original(site: Any) -> bytes:
    """The one exhibit's bytes, out of the vault."""
    (held,) = rows(site, exhibit)
    (row,) = rows(site, acquisition)
    return site.casework.archive.vault.read(held.vault_key, held.vault_version, sha256=row.sha256)
