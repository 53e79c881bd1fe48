"""The vault refuses what Object Lock forbids, and a server that does not is found out."""

import pytest

from archive.worm import self_test
from cli.composition import now

ACTS = {
    "suspend versioning",
    "delete the locked version",
    "delete it with governance bypass",
    "delete it in a multi-delete",
    "shorten the lock",
    "downgrade to governance",
    "remove the retention",
    "lock until a past date",
    "store under a wrong SHA-256",
    "write a second object under the key",
    "read without credentials",
}


def test_the_embedded_vault_refuses_every_forbidden_act(installation):
    trials = self_test(installation.vault, now=now())
    assert {trial.act for trial in trials} >= ACTS
    assert [trial for trial in trials if not trial.refused] == []


@pytest.mark.parametrize(
    ("method", "act"),
    [
        ("put_bucket_versioning", "suspend versioning"),
        ("put_object_retention", "shorten the lock"),
        ("delete_bucket", "delete the bucket"),
    ],
)
def test_a_server_that_accepts_a_forbidden_act_is_not_trusted(installation, monkeypatch, method, act):
    monkeypatch.setattr(installation.vault.client, method, lambda **asked: {})
    accepted = {trial.act for trial in self_test(installation.vault, now=now()) if not trial.refused}
    assert act in accepted
