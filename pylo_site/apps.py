"""The site: where all meets."""

from __future__ import annotations

from django.apps import AppConfig

from pylo_site.logs import configure_structlog


class SiteConfig(AppConfig):
    name = "pylo_site"
    verbose_name = "Operations"

    def ready(self) -> None:
        from pylo_site import checks  # noqa: F401, PLC0415 - registers them; they need the models, loaded by now

        configure_structlog()
