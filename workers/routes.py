"""Which queue each kind of work waits in, and in which lane it is done.

A lane has processes of its own. What is done in `inside` and `readings` waits for our own parts alone; `outside` waits
for carriers and authorities, `mailboxes` for mail servers, and for `later` nobody waits. So a mail server that stalls
holds up neither evidence nor answers, and a backlog of readings holds up no vault (docs/decisions/0029).
"""

from __future__ import annotations

from itertools import chain
from typing import Final

from archive.jobs import Job

EVIDENCE, OTHERS, READINGS = "evidence", "others", "readings"
ASKING, JUDGEMENTS, EXPORTS = "asking", "judgements", "exports"
MAILBOXES = "mailboxes"

# Queues in the order in which a worker looks. Exports take half a minute at a time; judging waits for DNS.
LANES: Final = {
    "inside": (EVIDENCE, OTHERS),
    "readings": (READINGS,),
    "outside": (ASKING,),
    "mailboxes": (MAILBOXES,),
    "later": (EXPORTS, JUDGEMENTS),
}
# What gives way where cores are few (`nice`, POSIX): a message is made safe before another is read or judged.
NICENESS: Final = {"readings": 10, "later": 10}
QUEUES = tuple(chain.from_iterable(LANES.values()))

ROUTES = {
    Job.ACCESSION.value: {"queue": EVIDENCE},
    Job.READ.value: {"queue": READINGS},
    Job.DECIDE_REPLY.value: {"queue": READINGS},
    Job.FETCH_MEDIA.value: {"queue": ASKING},
    Job.SEND_REPLY.value: {"queue": ASKING},
    Job.STAMP.value: {"queue": ASKING},
    "replies.send_due": {"queue": ASKING},
    "replies.mail_alerts": {"queue": ASKING},
    "intake.reconcile_texts": {"queue": ASKING},
    "intake.tidy_copies": {"queue": ASKING},
    "archive.collect_cosignatures": {"queue": ASKING},
    Job.JUDGE.value: {"queue": JUDGEMENTS},
    Job.UNPACK.value: {"queue": EXPORTS},
    Job.FETCH_MAIL.value: {"queue": MAILBOXES},
    # It compares whole mailboxes.
    "intake.state_completeness": {"queue": MAILBOXES},
    "*": {"queue": OTHERS},
}
