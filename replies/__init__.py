"""Safe answers: whether, when and in what words a contributor is told that her item is held.

`policy` decides and does nothing else; `egress` is the only door out. Silence is the answer whenever anything is
unclear: an answer can be seen by whoever holds the phone, and a forged one would tell him that this archive exists.
"""
