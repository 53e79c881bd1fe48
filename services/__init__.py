"""The embedded parts: everything Holdfast needs, on one machine, from wheels.

For demonstrations, tests and small trials: PostgreSQL, Valkey, SeaweedFS with Object Lock, an IMAP mailbox, an SMTP
server, a stand-in for Twilio and a demonstration timestamp authority. Each is a real program in a process of its own,
bound to 127.0.0.1, with a password of its own, its data and its log under one folder (`HOLDFAST_HOME`).

`services.embedded.embedded(home)` is the way in; `python -m services` is the same by hand. The supervisor takes any
other process too, so `holdfast up` runs the application beside its parts. Production imports nothing from here.
"""
