"""Which queue each kind of work waits in. Evidence goes first: a backlog of readings must not hold up a vault."""

from __future__ import annotations

from archive.jobs import Job

EVIDENCE, ANSWERS, READINGS = "evidence", "answers", "readings"
# In the order in which a worker looks.
QUEUES = (EVIDENCE, ANSWERS, READINGS)

ROUTES = {
    Job.ACCESSION.value: {"queue": EVIDENCE},
    Job.FETCH_MAIL.value: {"queue": EVIDENCE},
    Job.FETCH_MEDIA.value: {"queue": EVIDENCE},
    Job.SWEEP.value: {"queue": EVIDENCE},
    Job.SEND_REPLY.value: {"queue": ANSWERS},
    "replies.send_due": {"queue": ANSWERS},
    "*": {"queue": READINGS},
}
