"""All settings, from the environment and nowhere else. docs/operations.md lists them; a wrong one refuses the start."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from csp.constants import NONE, SELF

from pylo_site import logs, stripe_settings, tax_settings
from pylo_site.env import Environment

BASE_DIR = Path(__file__).resolve().parent.parent
env = Environment(os.environ)

# -- what every process needs -----------------------------------------------------------------------------------------
DEBUG = env.flag("PYLO_DEBUG", "pylo.E001", default=False)
SECRET_KEY, *SECRET_KEY_FALLBACKS = env.secrets(
    "PYLO_SECRET_KEY", "pylo.E002", "Give 50 random characters or more; bin/serve makes its own.", shortest=50
) or ("",)
PYLO_KEY_PEPPERS = env.secrets(
    "PYLO_KEY_PEPPERS",
    "pylo.E003",
    "Give 32 random characters or more, apart from PYLO_SECRET_KEY; to rotate, put the new one first.",
    shortest=32,
)
PYLO_RECEIPT_KEYS = env.receipt_keys("PYLO_RECEIPT_KEYS", unset="pylo.E073", shape="pylo.E074", order="pylo.E075")
DATABASE_URL = env.url("DATABASE_URL", "pylo.E004", schemes=("postgres", "postgresql"))
REDIS_URL = env.url("REDIS_URL", "pylo.E005", schemes=("redis", "rediss", "unix"))
PYLO_PUBLIC_URL = env.url(
    "PYLO_PUBLIC_URL", "pylo.E006", schemes=("http", "https"), default="http://localhost:8000"
).rstrip("/")
PYLO_API_BASE_URL = env.url(
    "PYLO_API_BASE_URL", "pylo.E007", schemes=("http", "https"), default=f"{PYLO_PUBLIC_URL}/v1"
).rstrip("/")
PYLO_SANDBOX = env.flag("PYLO_SANDBOX", "pylo.E008", default=False)
PYLO_UPSTREAMS = env.path("PYLO_UPSTREAMS", BASE_DIR / "deploy" / "upstreams.toml")
PYLO_JOURNAL_DIR = env.path("PYLO_JOURNAL_DIR", BASE_DIR / "var" / "journal")
PYLO_MAX_BODY_BYTES = env.number("PYLO_MAX_BODY_BYTES", "pylo.E009", default=4 * 2**20, least=1024, most=64 * 2**20)
PYLO_FIRST_TOKEN_SECONDS = env.number("PYLO_FIRST_TOKEN_SECONDS", "pylo.E018", default=8, least=1, most=600)
PYLO_IDLE_SECONDS = env.number("PYLO_IDLE_SECONDS", "pylo.E019", default=30, least=1, most=600)
PYLO_DRAIN_SECONDS = env.number("PYLO_DRAIN_SECONDS", "pylo.E020", default=30, least=0, most=3600)
PYLO_KEEP_ALIVE_SECONDS = env.number("PYLO_KEEP_ALIVE_SECONDS", "pylo.E021", default=15, least=1, most=55)
PYLO_ANSWER_SECONDS = env.number("PYLO_ANSWER_SECONDS", "pylo.E022", default=3600, least=1, most=86_400)
PYLO_PROCESSES = env.number("PYLO_PROCESSES", "pylo.E039", default=1, least=1, most=10_000)
PYLO_MOST_IN_FLIGHT = env.number("PYLO_MOST_IN_FLIGHT", "pylo.E048", default=3000, least=1, most=100_000)
PYLO_BODY_MEMORY_BYTES = env.number("PYLO_BODY_MEMORY_BYTES", "pylo.E049", default=256 * 2**20, least=2**20, most=2**40)
PYLO_LOOP_LAG_MS = env.number("PYLO_LOOP_LAG_MS", "pylo.E050", default=250, least=10, most=60_000)
PYLO_BREAKER = env.breaker("PYLO_BREAKER", "pylo.E034")
PYLO_RETRY_LOOKUP_MS = env.number("PYLO_RETRY_LOOKUP_MS", "pylo.E043", default=100, least=10, most=5000)
PYLO_METRICS_TOKEN = env.secret(
    "PYLO_METRICS_TOKEN",
    "pylo.E045",
    "Give 32 random characters or more, or unset it: then nobody is shown.",
    shortest=32,
)
PYLO_METRICS_DIR = env.path("PYLO_METRICS_DIR", BASE_DIR / "var" / "metrics")
PYLO_SIGNUP_CREDIT_NANOS = env.dollars("PYLO_SIGNUP_CREDIT", "pylo.E010", default="0")
PYLO_SIGNUP_CREDIT_DAYS = env.number("PYLO_SIGNUP_CREDIT_DAYS", "pylo.E053", default=0, least=0, most=3650)
PYLO_RECORDS_MONTHS = env.number("PYLO_RECORDS_MONTHS", "pylo.E051", default=13, least=2, most=1200)
PYLO_REQUEST_ID_DAYS = env.number("PYLO_REQUEST_ID_DAYS", "pylo.E052", default=0, least=0, most=3650)
PYLO_OUTBOX_DIR = env.path("PYLO_OUTBOX_DIR", BASE_DIR / "var" / "outbox")
PYLO_PAYMENTS_URL = env.text("PYLO_PAYMENTS_URL")  # the sandbox's payment page; empty where there is none
PYLO_PAYMENTS_SECRET = env.text("PYLO_PAYMENTS_SECRET")  # signs its webhooks
if PYLO_PAYMENTS_URL:
    env.url("PYLO_PAYMENTS_URL", "pylo.E016", schemes=("http", "https"))
    if not (PYLO_SANDBOX and PYLO_PAYMENTS_SECRET):
        env.problem(
            "pylo.E017",
            "PYLO_PAYMENTS_URL is set without PYLO_SANDBOX=1 and PYLO_PAYMENTS_SECRET.",
            "Unset it: whoever is sent to the sandbox's payment page gets credit for no money.",
        )
PYLO_STRIPE_SECRET_KEY, PYLO_STRIPE_WEBHOOK_SECRET, PYLO_STRIPE_API_BASE = stripe_settings.read(
    env, sandbox=PYLO_SANDBOX or bool(PYLO_PAYMENTS_URL)
)

PYLO_SELLER_NAME = env.text("PYLO_SELLER_NAME", "Pylo")  # as invoices print it, with the next two
PYLO_SELLER_ADDRESS = env.text("PYLO_SELLER_ADDRESS")  # its lines, separated by ;
PYLO_SELLER_TAX_ID = env.text("PYLO_SELLER_TAX_ID")
PYLO_SELLER_LOGO = env.image("PYLO_SELLER_LOGO", "pylo.E063")
PYLO_TAX = tax_settings.read(env)

PYLO_MODEL = "moonshotai/kimi-k2.6"
PYLO_MODEL_RETIRES = env.date("PYLO_MODEL_RETIRES", "pylo.E029")  # told to whoever lists the models

# -- Django -----------------------------------------------------------------------------------------------------------
_public = urlsplit(PYLO_PUBLIC_URL)
SECURE = _public.scheme == "https"
ALLOWED_HOSTS = [host.strip() for host in env.text("PYLO_ALLOWED_HOSTS").split(",") if host.strip()] or [
    _public.hostname or "localhost"
]
if PYLO_SANDBOX:
    ALLOWED_HOSTS += ["localhost", "127.0.0.1", "[::1]"]
if SECURE and "*" in ALLOWED_HOSTS:
    env.problem("pylo.E011", "PYLO_ALLOWED_HOSTS is *.", "Name the hosts; links in mails are built from them.")
if SECURE and DEBUG:
    env.problem("pylo.E015", "PYLO_DEBUG is on and PYLO_PUBLIC_URL is https.", "Debug pages show code to strangers.")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "csp",
    "accounts",
    "billing",
    "pylo_site",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "pylo_site.no_store.NoStoreMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "pylo_site.urls"
ASGI_APPLICATION = "pylo_site.asgi.application"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "pylo_site.context.site",
                "billing.context.balance",
            ],
        },
    },
]


def _database(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        "CONN_HEALTH_CHECKS": True,  # or each connection that a restart of Postgres closed fails whoever is given it
        "OPTIONS": {
            # A machine that is gone says nothing: its connections end within a minute, not after hours.
            "connect_timeout": 5,
            "tcp_user_timeout": 30_000,
            "keepalives_idle": 20,
            "keepalives_interval": 10,
            "keepalives_count": 3,
            **dict(parse_qsl(parts.query)),
            "pool": {"min_size": 1, "max_size": 8, "timeout": 5},
        },
    }


DATABASES = {"default": _database(DATABASE_URL)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {"default": {"BACKEND": "pylo_site.cache.Backend", "LOCATION": REDIS_URL}}

LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"

FILE_UPLOAD_MAX_MEMORY_SIZE = PYLO_MAX_BODY_BYTES  # Django keeps what the server let in out of temporary files

STATIC_URL = "/static/"
STATIC_ROOT = env.path("PYLO_STATIC_ROOT", BASE_DIR / "var" / "static")
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = DEBUG

# -- people -----------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "accounts.passwords.NotTooLong"},
    {"NAME": "accounts.passwords.NotOnlyOurWords"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "overview"
LOGOUT_REDIRECT_URL = "landing"
SESSION_COOKIE_AGE = 7 * 24 * 3600
ALLAUTH_TRUSTED_PROXY_COUNT = env.number("PYLO_TRUSTED_PROXIES", "pylo.E014", default=0, least=0, most=8)
ALLAUTH_USER_CODE_FORMAT = {"numeric": True, "length": 6, "dashed": False}
ACCOUNT_ADAPTER = "pylo_site.signup.Adapter"
ACCOUNT_FORMS = {
    "signup": "accounts.forms.SignupForm",
    "confirm_email_verification_code": "accounts.forms.EmailCodeForm",
    "confirm_password_reset_code": "accounts.forms.ResetCodeForm",
}
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND = True
ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED = True
ACCOUNT_PASSWORD_RESET_BY_CODE_TIMEOUT = 15 * 60
ACCOUNT_LOGIN_ON_PASSWORD_RESET = True
ACCOUNT_CHANGE_EMAIL = True  # one address a user: a new one replaces the old once it is verified
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 15 * 60
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_DEFAULT_HTTP_PROTOCOL = _public.scheme

EMAIL_BACKEND = "pylo_site.outbox.Backend" if PYLO_SANDBOX else "django.core.mail.backends.smtp.EmailBackend"
EMAIL_HOST = env.text("PYLO_SMTP_HOST", "localhost")
EMAIL_PORT = env.number("PYLO_SMTP_PORT", "pylo.E012", default=465, least=1, most=65535)
EMAIL_HOST_USER = env.text("PYLO_SMTP_USER")
EMAIL_HOST_PASSWORD = env.text("PYLO_SMTP_PASSWORD")
EMAIL_USE_SSL = True  # STARTTLS can fall back to clear text
PYLO_OPERATORS = env.addresses("PYLO_OPERATORS", "pylo.E062")  # no ADMINS: Django mails those whole requests
EMAIL_TIMEOUT = 10  # seconds that a mail server may keep a page waiting
DEFAULT_FROM_EMAIL = env.text("PYLO_MAIL_FROM", f"Pylo <no-reply@{_public.hostname or 'localhost'}>")

# -- the browser ------------------------------------------------------------------------------------------------------
# A form of ours leads to the page to pay on by a redirect, which browsers hold against this too.
PAYMENT_PAGES = ["https://checkout.stripe.com"] if PYLO_STRIPE_SECRET_KEY else []
PAYMENT_PAGES += [url for url in (PYLO_PAYMENTS_URL, PYLO_STRIPE_API_BASE) if url]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF, *PAYMENT_PAGES],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
    }
}
SESSION_COOKIE_NAME = "__Host-sessionid" if SECURE else "sessionid"
CSRF_COOKIE_NAME = "__Host-csrftoken" if SECURE else "csrftoken"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
SECURE_HSTS_SECONDS = 31_536_000 if SECURE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE
SECURE_REFERRER_POLICY = "same-origin"
SILENCED_SYSTEM_CHECKS = [
    "security.W008",  # the proxy that ends TLS redirects; behind it every request is plain
    "security.W021",  # a browsers' preload list binds the whole domain: its owner's to decide
]
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"  # no cookie of its own
X_FRAME_OPTIONS = "DENY"
DEFAULT_EXCEPTION_REPORTER_FILTER = "pylo_site.debug_page.Filter"

# -- work outside a request -------------------------------------------------------------------------------------------
CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TIMEZONE = "UTC"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False

LOG_FORMAT = env.choice("PYLO_LOG_FORMAT", "pylo.E013", default="json", among=("json", "console"))
LOGGING = logs.configuration(LOG_FORMAT)

env.refuse()
