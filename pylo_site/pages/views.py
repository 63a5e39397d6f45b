"""The public pages. What they say is product.md's; what they charge is the price book's; the base URL is the reader's."""

from __future__ import annotations

from django.shortcuts import render
