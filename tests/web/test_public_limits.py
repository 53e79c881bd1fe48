"""A refuge, an office and a mobile carrier are one address to us: nobody there may be shut out by anybody else."""

from web import guide

MANY = 100


def test_a_shared_address_is_never_refused_a_public_page(site):
    client = site.app.test_client()
    assert {client.get(guide.START.path).status_code for _ in range(MANY)} == {200}
    assert {client.post(guide.RISK.path, data={"q1": "yes"}).status_code for _ in range(MANY)} == {200}
    # Nor does guessing at somebody's link use up anything of anybody's.
    assert {client.get(f"/diary/{number}").status_code for number in range(MANY)} == {404}
    assert {client.get(page.path).status_code for page in guide.PAGES} == {200}


def test_the_public_pages_answer_while_the_database_is_away(site):
    """They ask it nothing: who needs a number to call gets it on our worst day too."""
    site.web.engine.dispose()
    client = site.app.test_client()
    site.web.engine.connect = None  # whoever asks for a connection fails
    try:
        assert {client.get(page.path).status_code for page in guide.PAGES} == {200}
    finally:
        del site.web.engine.connect
