"""Opening an account: a new user gets a workspace of their own, in the same transaction."""

from __future__ import annotations

from allauth.account.adapter import DefaultAccountAdapter


class Adapter(DefaultAccountAdapter):
    pass
