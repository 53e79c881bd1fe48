"""An exporter over an installation, for the tests of any room; what a test wants otherwise it says."""

from archive.export import Exporter
from cli.composition import now, secret


def exporter_of(installation, **otherwise):
    policy = f"log {installation.sequencer.key.verifier.encode()}\nquorum none\n"
    usual = {
        "engine": installation.engine,
        "vault": installation.vault,
        "secret": secret(installation.settings, "ledger"),
        "organisation": "Test body",
        "software": "holdfast tests",
        "policy": lambda connection: policy,
        "now": now,
    }
    return Exporter(**usual | otherwise)
