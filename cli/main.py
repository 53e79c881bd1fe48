"""The `holdfast` command and its list of commands."""

from __future__ import annotations

import click

from cli import care, demo, evidence, local, people, processes


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def main() -> None:
    """Keep forwarded texts and e-mails unaltered, answer safely, show the pattern, hand over evidence."""


for command in (
    processes.web,
    processes.worker,
    processes.sequencer,
    processes.mailbox,
    processes.beat,
    local.up,
    local.services,
    demo.demo,
    people.user,
    people.case,
    people.contributor,
    evidence.timeline,
    evidence.package,
    evidence.verify,
    care.migrate_,
    care.doctor,
    care.settings_,
):
    main.add_command(command)
