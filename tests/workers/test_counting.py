"""Failed and retried tasks are counted, so that packages can say how many there were."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import OperationalError

from archive.errors import VaultUnavailableError
from archive.marks import counts
from cli.worker_process import make_worker
from workers.app import make_celery


def nothing():
    """A task that does nothing."""


@pytest.mark.parametrize(("happened", "counter"), [("on_failure", "job_failures"), ("on_retry", "job_retries")])
def test_a_task_that_fails_or_is_tried_again_is_counted(happened, counter):
    noted = []
    app = make_celery("memory://", concurrency=1, noted=noted.append)
    task = app.task(name="tests.any")(nothing)
    getattr(task, happened)(VaultUnavailableError("put", "away"), "id", ["1"], {}, None)
    assert noted == [counter]


def test_a_database_that_is_away_does_not_stop_the_task_that_told_of_it():
    def away(_counter):
        raise OperationalError("INSERT", {}, Exception("away"))

    task = make_celery("memory://", concurrency=1, noted=away).task(name="tests.any")(nothing)
    task.on_failure(ValueError(), "id", [], {}, None)


def test_a_worker_counts_in_the_database(installation, monkeypatch):
    monkeypatch.setattr("cli.composition.archive", lambda _settings: installation.archive)
    app = make_worker(installation.settings)
    task = app.tasks["archive.accession"]
    task.on_retry(VaultUnavailableError("put", "away"), "id", [], {}, None)
    task.on_retry(VaultUnavailableError("put", "away"), "id", [], {}, None)
    with installation.engine.connect() as connection:
        assert counts(connection)["job_retries"] == 2
