"""The `holdfast` command and its list of commands."""

from __future__ import annotations

import click

from cli import bringing, care, demo, evidence, local, people, processes
from cli.logs import log_to_stderr


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def main() -> None:
    """Keep forwarded texts and e-mails unaltered, answer safely, show the pattern, hand over evidence."""
    # Standard output is the command's answer; the long-running processes set up logs of their own.
    log_to_stderr()


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
    bringing.import_,
    bringing.reconcile,
    evidence.timeline,
    evidence.package,
    evidence.verify,
    care.migrate_,
    care.doctor,
    care.settings_,
):
    main.add_command(command)
