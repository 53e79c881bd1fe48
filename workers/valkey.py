"""Kombu's transport for Valkey and Redis, mended in two places.

A worker whose acknowledgement was lost goes on. A worker takes no more messages than it has room for, and a message
leaves that room when it is acknowledged. In kombu 5.6 one whose acknowledgement failed, because the broker died while
its task ran, never leaves it. With as many of them as there is room the worker takes nothing any more, does not read
the dead connection either, and so never connects again: seen after the broker was killed under load, when a worker span
for five minutes until the test gave up.

Queues are looked at in the order in which they were declared. Kombu promises that by its "priority" strategy, but hands
the strategy a set, whose order is another in each process: in every second worker, readings went before evidence.
"""

from __future__ import annotations

from typing import Any

from kombu.transport import redis, virtual


class QoS(redis.QoS):  # type: ignore[misc] # kombu ships no types
    """The room a worker has for messages it has not acknowledged."""

    def ack(self, delivery_tag: Any) -> None:
        """Acknowledge a message; where the broker cannot be told, it leaves the room all the same.

        The broker gives it to a worker again after its time, which is harmless: every task may run twice.
        """
        try:
            super().ack(delivery_tag)
        except Transport.connection_errors:
            virtual.QoS.ack(self, delivery_tag)
            raise


class Channel(redis.Channel):  # type: ignore[misc] # as above
    """A channel with that room and that order."""

    QoS = QoS

    @property
    def active_queues(self) -> list[str]:
        """Queues that are consumed, the first declared first."""
        return [queue for queue in self._active_queues if queue not in self.active_fanout_queues]


class Transport(redis.Transport):  # type: ignore[misc] # as above
    """A transport of such channels."""

    Channel = Channel
