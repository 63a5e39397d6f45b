"""What makes the product whole with no account anywhere: an upstream on Moonshot's wire, and a payment page."""

from __future__ import annotations
