"""docs/settings.md is what `holdfast settings` prints, with words before it."""

from click.testing import CliRunner

from cli.main import main
from settings import Settings, as_markdown
from tests.docs.pages import page


def test_the_table_is_the_one_the_command_prints():
    printed = CliRunner().invoke(main, ["settings"])
    assert printed.exit_code == 0
    assert printed.output == as_markdown()
    assert page("settings.md").endswith("\n\n" + as_markdown()), (
        "run: holdfast settings, and put it into docs/settings.md"
    )


def test_every_setting_says_what_it_means():
    for each in Settings.__dataclass_fields__.values():
        about = each.metadata
        assert about["meaning"].endswith((".", "`.")), f"{about['name']} has no sentence"
        assert not (about["secret"] and each.default), f"{about['name']} is a secret with a default"
