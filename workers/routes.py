"""Which queue each kind of work waits in. Evidence goes first: a backlog of readings must not hold up a vault."""

from __future__ import annotations

from archive.jobs import Job

EVIDENCE, OTHERS, READINGS, JUDGEMENTS = "evidence", "others", "readings", "judgements"
# In the order in which a worker looks. Judging waits for DNS: nobody waits for it.
QUEUES = (EVIDENCE, OTHERS, READINGS, JUDGEMENTS)

ROUTES = {
    Job.ACCESSION.value: {"queue": EVIDENCE},
    Job.FETCH_MAIL.value: {"queue": EVIDENCE},
    Job.FETCH_MEDIA.value: {"queue": EVIDENCE},
    Job.READ.value: {"queue": READINGS},
    Job.DECIDE_REPLY.value: {"queue": READINGS},
    Job.JUDGE.value: {"queue": JUDGEMENTS},
    "*": {"queue": OTHERS},
}
