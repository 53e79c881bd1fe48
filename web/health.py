"""For operators: is it alive, is it ready, and numbers about it. No label holds anything about a person."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from flask import Blueprint, Response, jsonify
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import SQLAlchemyError

from archive.errors import VaultNotTrustedError
from archive.marks import counts, require_trusted_vault
from archive.stamp_debts import known_health, unstamped_since
from archive.tables import acquisition, custody_entry, custody_pending, exhibit
from web.collaborators import Web

OUTBOX_LIMIT: Final = timedelta(minutes=5)
"""How long an entry may wait for its place before the installation no longer counts as ready."""
METRICS: Final = "text/plain; version=0.0.4; charset=utf-8"


def make_blueprint(web: Web) -> Blueprint:
    """`/health/live`, `/health/ready`, `/metrics`."""
    blueprint = Blueprint("health", __name__)

    @blueprint.get("/health/live")
    def live() -> Response:
        """This process answers."""
        return Response("live\n", mimetype="text/plain")

    @blueprint.get("/health/ready")
    def ready() -> Response:
        """Evidence can come in: database there, vault trusted, sequencer at work. 503 where one of them is not."""
        try:
            with web.engine.connect() as connection:
                found = _checks(connection, web.now())
        except SQLAlchemyError:
            found = {"database": "away"}
        answer = jsonify(found)
        answer.status_code = 200 if set(found.values()) == {"ok"} else 503
        return answer

    @blueprint.get("/metrics")
    def metrics() -> Response:
        """Counters and gauges for Prometheus."""
        with web.engine.connect() as connection:
            registry = CollectorRegistry()
            registry.register(_Found(_families(connection, web.now())))
        return Response(generate_latest(registry), content_type=METRICS)

    return blueprint


class _Found(Collector):
    """Metrics that were read already, as the library wants them."""

    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        """Give them out."""
        yield from self._families


def _checks(connection: Connection, now: datetime) -> dict[str, str]:
    found = {"database": "ok"}
    try:
        require_trusted_vault(connection)
        found["vault"] = "ok"
    except VaultNotTrustedError:
        found["vault"] = "not trusted"
    found["outbox"] = "ok" if _oldest_wait(connection, now) <= OUTBOX_LIMIT else "waiting"
    return found


def _oldest_wait(connection: Connection, now: datetime) -> timedelta:
    query = select(func.min(custody_entry.c.at)).join(custody_pending, custody_pending.c.entry_id == custody_entry.c.id)
    oldest = connection.execute(query).scalar()
    return max(now - oldest, timedelta()) if oldest else timedelta()


def _families(connection: Connection, now: datetime) -> list[Metric]:
    counted = CounterMetricFamily("holdfast_counted", "Things counted, by name.", labels=["name"])
    for name, so_far in sorted(counts(connection).items()):
        counted.add_metric([name], so_far)
    states = dict.fromkeys(("received", "archived", "parked"), 0)
    rows = connection.execute(select(acquisition.c.state, func.count()).group_by(acquisition.c.state))
    states.update({row[0]: row[1] for row in rows})
    acquisitions = GaugeMetricFamily("holdfast_acquisitions", "Acquisitions, by state.", labels=["state"])
    for state, found in states.items():
        acquisitions.add_metric([state], found)
    waiting = connection.execute(select(func.count()).select_from(custody_pending)).scalar_one()
    in_quarantine = select(func.count()).where(
        exhibit.c.case_id.is_(None), exhibit.c.quarantined_at.isnot(None), exhibit.c.left_at.is_(None)
    )
    return [
        counted,
        acquisitions,
        _gauge(
            "holdfast_quarantined", "Exhibits that wait for an officer.", connection.execute(in_quarantine).scalar()
        ),
        _gauge("holdfast_unsequenced", "Custody entries without a place in the ledger.", waiting),
        _gauge(
            "holdfast_oldest_unsequenced_seconds",
            "How long the oldest of them has waited.",
            _oldest_wait(connection, now).total_seconds(),
        ),
        _gauge(
            "holdfast_oldest_unstamped_seconds",
            "How long entries have been under a signed checkpoint that no timestamp token covers.",
            _unstamped(connection, now).total_seconds(),
        ),
        *_authorities(connection),
    ]


def _unstamped(connection: Connection, now: datetime) -> timedelta:
    since = unstamped_since(connection)
    return max(now - since, timedelta()) if since else timedelta()


def _authorities(connection: Connection) -> list[Metric]:
    failures = GaugeMetricFamily(
        "holdfast_authority_failures", "Failures in a row of a timestamp authority, up to now.", labels=["authority"]
    )
    for each in known_health(connection):
        failures.add_metric([each.name], each.failures)
    return [failures]


def _gauge(name: str, meaning: str, value: float | None) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, meaning, value=value or 0)
