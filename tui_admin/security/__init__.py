"""Mechanism: one-time passwords, password hashes, encryption at rest, tokens, safe text.

No database and no policy lives here.
"""
