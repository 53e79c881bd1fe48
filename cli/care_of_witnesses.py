"""What the doctor finds of witnesses: does each cosign, and which of the ledger nobody outside has seen."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy.exc import SQLAlchemyError

from archive.ledger import checkpoint_size
from archive.witnessing import Collector, State, standing_of, witnessed_size
from cli import composition
from cli.care_of_time import Finding
from settings import Settings, SettingsError

UNWITNESSED = (
    "UNWITNESSED: no witness is set. Whoever holds database, vault and signing key could rewrite what neither "
    "a package nor a timestamp covers; ask a partner to run one (docs/witness.md)"
)


def witness_findings(settings: Settings) -> Iterator[Finding]:
    """Bring the newest checkpoint before every witness, and say how each stands."""
    if not settings.witness_urls:
        yield Finding("witnesses", fault=False, says=UNWITNESSED)
        return
    try:
        database = composition.app_engine(settings, pool_size=2)
        collector = composition.collector(settings, database)
    except SettingsError as error:
        yield Finding("witnesses", fault=True, says=str(error))
        return
    try:
        collector.collect()
        yield from _standings(collector)
    except SQLAlchemyError:
        yield Finding("witnesses", fault=True, says="could not be asked: see database")
    finally:
        database.dispose()


def _standings(collector: Collector) -> Iterator[Finding]:
    with collector.engine.connect() as connection:
        for witness in collector.witnesses:
            found = standing_of(connection, witness)
            if found is None:
                says = "was never asked: nothing is signed yet"
                yield Finding(f"witness {witness.name}", fault=False, says=says)
                continue
            well = found.state == State.COSIGNED
            says = "cosigns" if well else f"{found.state}: {found.because}"
            yield Finding(f"witness {witness.name}", fault=not well, says=says)
        size = checkpoint_size(connection)
        seen = witnessed_size(connection, collector.witnesses, collector.quorum)
    says = f"{seen} of {size} signed entries are cosigned by {collector.quorum} of {len(collector.witnesses)}"
    yield Finding("quorum", fault=seen == 0 < size, says=says)
