"""The diary on a personal link: each page saved before it says so, one acquisition an entry, nothing typed ever lost."""

from __future__ import annotations

from archive.link import LinkKind
from tests.web.links import hold


def begun(site, kind="incident", **terms):
    holder = hold(site, site.casework.enrol(site.casework.case()), LinkKind.DIARY, **terms)
    path = holder.open()
    answer = holder.client.post(f"{path}/new/{kind}")
    assert answer.status_code == 303, answer.status_code
    draft = answer.headers["Location"].removesuffix("/when")
    return holder, path, draft


def test_an_entry_goes_from_the_first_page_to_the_receipt(site):
    holder, path, draft = begun(site)
    assert "Your diary" in holder.client.get(path).text
    assert holder.client.get(f"{draft}/when").status_code == 200
    steps = [
        ("when", {"when": "exact"}, "day"),
        ("day", {"day-day": "20", "day-month": "11", "day-year": "2026", "time": "9.30pm"}, "what"),
        ("what", {"what": "He followed me.\r\nAll the way."}, "where"),
        ("where", {"where": "Mill Lane"}, "person"),
    ]
    for slug, form, following in steps:
        answer = holder.client.post(f"{draft}/{slug}", data=form)
        assert (answer.status_code, answer.headers.get("Location")) == (303, f"{draft}/{following}"), answer.text
        assert holder.client.get(f"{draft}/{following}").status_code == 200
    page = holder.client.get(draft).text
    assert "20 November 2026 at 21:30" in page
    answer = holder.client.post(draft)
    assert answer.status_code == 303
    receipt = holder.client.get(draft)
    assert "Your receipt" in receipt.text
