"""Pylo's web server: Daphne behind checks that refuse a start which could not serve."""

from __future__ import annotations

START = "start"  # the tag of those checks
