"""What makes the product whole with no account anywhere: an upstream in five dialects, and a payment page."""

from __future__ import annotations
