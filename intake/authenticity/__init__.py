"""Authenticity at receipt: what signatures said of a message when it came, and the DNS answers they were judged by.

Pure but for `resolver` (asks DNS) and `judging` (reads the vault, keeps results). No result says that a message is
genuine: a signature that passes says that a domain's server sent these very words, not which person wrote them.
"""
