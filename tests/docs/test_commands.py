"""docs/commands.md has every command of the group, each with every option, and none that is not there."""

import re

import click
import pytest

from cli.main import main
from tests.docs.pages import page

ROW = re.compile(r"^\| `holdfast ([a-z -]+?)(?: [A-Z][A-Z… ]*)?` \| (.+) \|(.*)\|$", re.MULTILINE)
ROWS = {name: does for name, does, _ in ROW.findall(page("commands.md"))}
# Said once for all, at the head of the page.
COMMON = {"--json", "--home", "--help"}


def commands(group: click.Group, before: str = "") -> dict[str, click.Command]:
    """Every command that does something, by its whole name."""
    found: dict[str, click.Command] = {}
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            found |= commands(command, f"{before}{name} ")
        else:
            found[f"{before}{name}"] = command
    return found


def test_the_page_has_exactly_the_commands_there_are():
    assert set(ROWS) == set(commands(main))


@pytest.mark.parametrize(("name", "command"), commands(main).items())
def test_every_option_is_explained(name, command):
    options = {max(each.opts, key=len) for each in command.params if isinstance(each, click.Option)}
    missing = {each for each in options - COMMON if f"`{each}`" not in ROWS[name]}
    assert not missing, f"{name} has {missing}"


@pytest.mark.parametrize("name", commands(main))
def test_every_command_says_in_its_help_what_it_does(name):
    assert commands(main)[name].help
