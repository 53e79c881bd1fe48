"""The evidence: acquisitions, the vault, the ledger and the packages that leave.

Imports no web framework, queue, telephone or mailbox: whatever a door received reaches this room as bytes
and facts, and whatever others render reaches it as bytes.
"""
