"""The `holdfast` command and its list of commands."""

from __future__ import annotations

from importlib.util import find_spec

import click

from cli import bringing, care, evidence, judging, keeping, keys, links, people, processes, reconciling, witness
from cli.logs import log_to_stderr


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def main() -> None:
    """Keep forwarded texts and e-mails unaltered, answer safely, show the pattern, hand over evidence."""
    # Standard output is the command's answer; the long-running processes set up logs of their own.
    log_to_stderr()


def _of_one_machine() -> tuple[click.Command, ...]:
    # The production image leaves `services` out, and with it the commands that run everything on one machine.
    if find_spec("services") is None:
        return ()
    from cli import demo, local

    return (local.up, local.services, demo.demo)


for command in (
    processes.web,
    processes.worker,
    processes.sequencer,
    processes.mailbox,
    processes.beat,
    witness.witness,
    *_of_one_machine(),
    people.user,
    people.case,
    people.contributor,
    links.link,
    bringing.import_,
    reconciling.reconcile,
    evidence.timeline,
    evidence.package,
    evidence.verify,
    evidence.proof,
    judging.authenticity,
    care.migrate_,
    care.doctor,
    keys.key,
    care.settings_,
    keeping.publish,
    keeping.dump,
    keeping.rebuild,
    keeping.audit,
    keeping.dispose,
):
    main.add_command(command)
