"""What can go wrong on the way up: told to the reader in one line that says what to do."""

from __future__ import annotations


class Trouble(Exception):  # noqa: N818 - reads as what it is
    """The product cannot start on this machine as it is. Its text is the whole message."""
