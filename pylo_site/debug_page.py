"""What a debug page may show of the settings: as Django's own, and no URL with a password in it."""

from __future__ import annotations

from django.views.debug import SafeExceptionReporterFilter


class Filter(SafeExceptionReporterFilter):
    """Django hides settings by their names, and a URL's name does not tell."""

    def cleanse_setting(self, key: int | str, value: object) -> object:
        if isinstance(value, str) and "://" in value and "@" in value:
            return self.cleansed_substitute
        return super().cleanse_setting(key, value)
