"""The pages are for somebody who is afraid and tired: a child of nine must be able to read them."""

import pytest

from tests.docs.pages import page
from tests.web.reading_age import measure, personal_figures, public_figures, row

OLDEST = 9.5
PUBLIC = public_figures()


@pytest.mark.parametrize("path", PUBLIC)
def test_a_child_of_nine_can_read_each_public_page(path):
    assert PUBLIC[path].age <= OLDEST, PUBLIC[path]


def test_a_child_of_nine_can_read_each_personal_page():
    assert {path: figure for path, figure in personal_figures().items() if figure.age > OLDEST} == {}


@pytest.mark.parametrize("path", PUBLIC)
def test_the_figures_in_the_documentation_are_those_measured(path):
    assert row(path, PUBLIC[path]) in page("accessibility.md"), "run: python -m tests.web.reading_age"


def test_what_is_hard_to_read_measures_as_hard():
    hard = measure(
        [
            "The installation's contributors are advised that disclosure obligations notwithstanding, retention is mandatory."
        ]
    )
    easy = measure(["Keep it. Show it to them. You do not have to hide it from us."])
    assert hard.age > 18
    assert easy.age < 7
