"""A case's page says plainly whether anybody outside has cosigned the ledger, and who."""

from sqlalchemy import insert, select

from archive.signed_note import SigningKey
from archive.tables import checkpoint, cosignature


def test_a_case_page_says_unwitnessed_until_a_witness_has_cosigned(site):
    officer = site.person(email="dc.jones@force.example")
    site.case("42/1234/26", officer, "Operation Larch")
    site.casework.seal()
    desk = site.browser(officer)
    assert b"Ledger unwitnessed: nobody outside has cosigned it." in desk.get("/cases/42-1234-26").data
    key = SigningKey.generate("witness.example/w1")
    with site.casework.archive.engine.begin() as connection:
        size = connection.execute(select(checkpoint.c.size)).scalars().first()
        row = {"checkpoint_size": size, "witness": key.witness.encode(), "line": "x", "cosigned_at": site.casework.at}
        connection.execute(insert(cosignature).values(row))
    page = desk.get("/cases/42-1234-26").data.decode()
    assert "Ledger last witnessed on" in page
    assert "witness.example/w1" in page
    assert "unwitnessed" not in page
