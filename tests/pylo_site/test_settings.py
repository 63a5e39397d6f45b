from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

ROOT = Path(__file__).parents[2]
SHOW = """
import json, sys
from pylo_site import settings
from pylo_site.env import Misconfigured
print(json.dumps({name: getattr(settings, name) for name in sys.argv[1:]}))
"""


def started(code: str, *names: str, **values: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "DJANGO_SETTINGS_MODULE": "pylo_site.settings", **values}  # noqa: TID251 - handed on whole
    command = [sys.executable, "-c", code, *names]
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)


def read(*names: str, **values: str) -> dict[str, Any]:
    done = started(SHOW, *names, **values)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_what_the_database_url_asks_of_the_connection_is_asked() -> None:
    url = "postgres://u:p%40ss@db:6432/pylo?sslmode=verify-full&sslrootcert=/etc/ca.pem&keepalives_idle=7"
    database = read("DATABASES", DATABASE_URL=url)["DATABASES"]["default"]
    assert [database[name] for name in ("HOST", "PORT", "USER", "PASSWORD", "NAME")] == [
        "db",
        "6432",
        "u",
        "p@ss",
        "pylo",
    ]
    asked = {"sslmode": "verify-full", "sslrootcert": "/etc/ca.pem", "keepalives_idle": "7"}
    assert {name: database["OPTIONS"][name] for name in asked} == asked


def test_a_connection_that_postgres_closed_is_never_handed_out() -> None:
    assert read("DATABASES")["DATABASES"]["default"]["CONN_HEALTH_CHECKS"] is True


def test_a_postgres_whose_machine_is_gone_is_given_up_within_a_minute(db: None) -> None:
    connection.ensure_connection()
    told = connection.connection.info.get_parameters()
    idle, interval, count = (int(told[f"keepalives_{name}"]) for name in ("idle", "interval", "count"))
    assert (idle + interval * count, int(told["tcp_user_timeout"])) == (50, 30_000)


def test_hosts_are_named_with_or_without_blanks() -> None:
    found = read("ALLOWED_HOSTS", PYLO_SANDBOX="0", PYLO_ALLOWED_HOSTS="pylo.example, www.pylo.example,")
    assert found == {"ALLOWED_HOSTS": ["pylo.example", "www.pylo.example"]}


PAYMENTS = {"PYLO_PAYMENTS_URL": "http://127.0.0.1:9", "PYLO_PAYMENTS_SECRET": "s", "PYLO_SANDBOX": "1"}
LIVE = {"PYLO_STRIPE_SECRET_KEY": "sk_live_1", "PYLO_STRIPE_WEBHOOK_SECRET": "whsec_1", "PYLO_SANDBOX": "0"}
STRIPE = {"PYLO_STRIPE_SECRET_KEY": "sk_test_1", "PYLO_STRIPE_WEBHOOK_SECRET": "whsec_1"}


@pytest.mark.parametrize(
    ("check", "values"),
    [
        ("pylo.E001", {"PYLO_DEBUG": "maybe"}),
        ("pylo.E002", {"PYLO_SECRET_KEY": "short"}),
        ("pylo.E003", {"PYLO_KEY_PEPPERS": ""}),
        ("pylo.E004", {"DATABASE_URL": "mysql://db/pylo"}),
        ("pylo.E005", {"REDIS_URL": "http://redis"}),
        ("pylo.E006", {"PYLO_PUBLIC_URL": "pylo.example"}),
        ("pylo.E007", {"PYLO_API_BASE_URL": "ftp://pylo.example"}),
        ("pylo.E008", {"PYLO_SANDBOX": "perhaps"}),
        ("pylo.E009", {"PYLO_MAX_BODY_BYTES": "12"}),
        ("pylo.E010", {"PYLO_SIGNUP_CREDIT": "-5"}),
        ("pylo.E011", {"PYLO_PUBLIC_URL": "https://pylo.example", "PYLO_DEBUG": "0", "PYLO_ALLOWED_HOSTS": "*"}),
        ("pylo.E012", {"PYLO_SMTP_PORT": "0"}),
        ("pylo.E013", {"PYLO_LOG_FORMAT": "xml"}),
        ("pylo.E014", {"PYLO_TRUSTED_PROXIES": "-1"}),
        ("pylo.E015", {"PYLO_PUBLIC_URL": "https://pylo.example", "PYLO_DEBUG": "1"}),
        ("pylo.E016", PAYMENTS | {"PYLO_PAYMENTS_URL": "127.0.0.1:9"}),
        ("pylo.E017", PAYMENTS | {"PYLO_PAYMENTS_SECRET": ""}),
        ("pylo.E017", PAYMENTS | {"PYLO_SANDBOX": "0"}),
        ("pylo.E068", {"PYLO_STRIPE_SECRET_KEY": "sk_test_1"}),
        ("pylo.E068", {"PYLO_STRIPE_WEBHOOK_SECRET": "whsec_1"}),
        ("pylo.E069", STRIPE | {"PYLO_STRIPE_SECRET_KEY": "pk_test_1"}),
        ("pylo.E070", STRIPE | {"PYLO_STRIPE_SECRET_KEY": "sk_live_1", "PYLO_SANDBOX": "1"}),
        ("pylo.E070", STRIPE | PAYMENTS | {"PYLO_STRIPE_SECRET_KEY": "rk_live_1"}),
        ("pylo.E071", STRIPE | {"PYLO_STRIPE_API_BASE": "127.0.0.1:9"}),
        ("pylo.E072", LIVE | {"PYLO_STRIPE_API_BASE": "http://127.0.0.1:9"}),
        ("pylo.E018", {"PYLO_FIRST_TOKEN_SECONDS": "0"}),
        ("pylo.E019", {"PYLO_IDLE_SECONDS": "601"}),
        ("pylo.E020", {"PYLO_DRAIN_SECONDS": "-1"}),
        ("pylo.E021", {"PYLO_KEEP_ALIVE_SECONDS": "56"}),
        ("pylo.E022", {"PYLO_ANSWER_SECONDS": "0"}),
        ("pylo.E039", {"PYLO_PROCESSES": "0"}),
        ("pylo.E045", {"PYLO_METRICS_TOKEN": "short"}),
        ("pylo.E048", {"PYLO_MOST_IN_FLIGHT": "0"}),
        ("pylo.E049", {"PYLO_BODY_MEMORY_BYTES": "1024"}),
        ("pylo.E043", {"PYLO_RETRY_LOOKUP_MS": "5"}),
        ("pylo.E050", {"PYLO_LOOP_LAG_MS": "1"}),
        ("pylo.E051", {"PYLO_RECORDS_MONTHS": "1"}),
        ("pylo.E052", {"PYLO_REQUEST_ID_DAYS": "-1"}),
        ("pylo.E062", {"PYLO_OPERATORS": "oncall@pylo.example, nobody"}),
        ("pylo.E063", {"PYLO_SELLER_LOGO": "/nowhere/logo.svg"}),
        ("pylo.E063", {"PYLO_SELLER_LOGO": __file__}),
        ("pylo.E064", {"PYLO_TAX_RATES": "DE=19,FR"}),
        ("pylo.E064", {"PYLO_TAX_RATES": "DE=-1"}),
        ("pylo.E065", {"PYLO_TAX_REVERSE_CHARGE": "AT,France"}),
        ("pylo.E053", {"PYLO_SIGNUP_CREDIT_DAYS": "soon"}),
        ("pylo.E034", {"PYLO_BREAKER": "open_frist=5"}),
        ("pylo.E034", {"PYLO_BREAKER": "open_first=soon"}),
        ("pylo.E073", {"PYLO_RECEIPT_KEYS": ""}),
        ("pylo.E074", {"PYLO_RECEIPT_KEYS": "no key"}),
        ("pylo.E075", {"PYLO_RECEIPT_KEYS": "public:" + "12" * 32}),
        ("pylo.E075", {"PYLO_RECEIPT_KEYS": ",".join(["12" * 32, "34" * 32, "12" * 32])}),
        ("pylo.E029", {"PYLO_MODEL_RETIRES": "2026-13-01"}),
    ],
)
def test_a_setting_that_does_not_hold_refuses_the_start_by_its_number(check: str, values: dict[str, str]) -> None:
    done = started(SHOW, **values)
    assert done.returncode == 1
    assert re.findall(r"^pylo\.E\d+", done.stderr, re.MULTILINE)[0] == check


def test_a_receipt_key_that_does_not_hold_is_not_repeated() -> None:
    assert "sesame" not in started(SHOW, PYLO_RECEIPT_KEYS="sesame").stderr


def test_the_sandboxs_payments_are_taken_in_the_sandbox() -> None:
    assert read("PYLO_PAYMENTS_URL", **PAYMENTS) == {"PYLO_PAYMENTS_URL": "http://127.0.0.1:9"}


def test_stripe_with_a_test_key_is_taken_in_the_sandbox_too() -> None:
    found = read("PYLO_STRIPE_SECRET_KEY", "PAYMENT_PAGES", **PAYMENTS, **STRIPE)
    pages = ["https://checkout.stripe.com", "http://127.0.0.1:9"]
    assert found == {"PYLO_STRIPE_SECRET_KEY": "sk_test_1", "PAYMENT_PAGES": pages}


def test_a_mail_server_that_hangs_holds_nobody_for_long() -> None:
    assert read("EMAIL_TIMEOUT") == {"EMAIL_TIMEOUT": 10}


def test_django_puts_no_body_into_a_file_that_the_server_lets_in() -> None:
    assert read("FILE_UPLOAD_MAX_MEMORY_SIZE", PYLO_MAX_BODY_BYTES="9000000") == {
        "FILE_UPLOAD_MAX_MEMORY_SIZE": 9_000_000
    }
