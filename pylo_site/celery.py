"""The Celery application: `celery -A pylo_site worker` and `celery -A pylo_site beat`.

Beat keeps its schedule in memory, so it leaves no file behind. That loses nothing: every task here catches up by itself
with whatever was missed while nothing ran.
"""

from __future__ import annotations

import os

from celery import Celery
from celery.schedules import crontab

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pylo_site.settings")  # noqa: TID251 - names the settings, as manage.py

app = Celery("pylo")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.beat_scheduler = "celery.beat:Scheduler"
app.conf.beat_schedule = {
    # A run that waited until the next one is due is not worth running.
    "roll-up-recent": {"task": "billing.roll_up_recent", "schedule": 10.0, "options": {"expires": 10}},
    # Each hour: whoever is due was not invoiced yet. Most hours nobody is.
    "issue-monthly-invoices": {
        "task": "billing.issue_monthly_invoices",
        "schedule": crontab(minute="7"),
        "options": {"expires": 3000},
    },
    "mail-invoices": {"task": "billing.mail_invoices", "schedule": 30.0, "options": {"expires": 30}},
    "top-up-balances": {"task": "billing.top_up_balances", "schedule": 5.0, "options": {"expires": 5}},
    "catch-up-payments": {
        "task": "billing.catch_up_payments",
        "schedule": crontab(minute="*/15"),
        "options": {"expires": 800},
    },
    "purge-idempotency": {
        "task": "billing.purge_idempotency",
        "schedule": crontab(minute="23"),
        "options": {"expires": 3000},
    },
    "tell-budgets": {"task": "billing.tell_budgets", "schedule": 20.0, "options": {"expires": 20}},
    "expire-credit": {"task": "billing.expire_credit", "schedule": 60.0, "options": {"expires": 60}},
    "reconcile": {
        "task": "pylo_site.reconcile",
        "schedule": crontab(hour="3", minute="17"),
        "options": {"expires": 4 * 3600},
    },
    "keep-records": {
        "task": "billing.keep_records",
        "schedule": crontab(minute="41"),
        "options": {"expires": 3000},
    },
}
app.autodiscover_tasks(["billing", "pylo_site"])
