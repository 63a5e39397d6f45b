"""What a sign-up sets in motion, in one transaction: the user, their workspace, and its balance."""

from __future__ import annotations

from datetime import timedelta
from email.utils import make_msgid
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import structlog
from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.signup import open_workspace
from billing import ledger

if TYPE_CHECKING:
    from django.core.mail import EmailMessage
    from django.forms import Form
    from django.http import HttpRequest

    from accounts.models import User

log = structlog.get_logger(__name__)


class Adapter(DefaultAccountAdapter):
    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "email_password_mismatch": "This e-mail address and password do not match.",
        "enter_current_password": "This is not your current password.",
        "incorrect_code": "This is not the code we sent. Check the newest mail.",
        "incorrect_password": "This is not your password.",
        "rate_limited": "A code was sent a moment ago. Wait ten seconds, then ask again.",
        "same_as_current": "This is your address already.",
        "too_many_login_attempts": "Too many attempts. Wait five minutes, then try again.",
        "account_inactive": "This account is closed.",
    }

    def save_user(self, request: HttpRequest, user: User, form: Form, commit: bool = True) -> User:  # noqa: FBT001, FBT002, ARG002 - allauth's signature
        with transaction.atomic():
            super().save_user(request, user, form)
            now = timezone.now()
            workspace = open_workspace(owner=user, at=now)
            days = settings.PYLO_SIGNUP_CREDIT_DAYS
            ledger.open_balance(
                workspace=workspace,
                credit_nanos=settings.PYLO_SIGNUP_CREDIT_NANOS,
                at=now,
                expires_at=now + timedelta(days=days) if days else None,
            )
        return user

    def login(self, request: HttpRequest, user: User) -> None:
        super().login(request, user)
        log.info("signin.succeeded", user=user.pk, ip=self.get_client_ip(request))

    def authentication_failed(self, request: HttpRequest, **credentials: str) -> None:  # noqa: ARG002 - allauth's signature
        log.info("signin.failed", ip=self.get_client_ip(request))

    def set_password(self, user: User, password: str) -> None:
        super().set_password(user, password)
        log.info("password.set", user=user.pk)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        # Links in mails come from the configured origin: the Host header is the sender's to choose.
        super().send_mail(template_prefix, email, {**context, "public_url": settings.PYLO_PUBLIC_URL})

    def render_mail(
        self,
        template_prefix: str,
        email: str | list[str],
        context: dict[str, Any],
        headers: dict[str, str] | None = None,
    ) -> EmailMessage:
        # Without an id Django asks the resolver for this machine's name: seconds where there is none, and it shows.
        domain = urlsplit(settings.PYLO_PUBLIC_URL).hostname
        ours = {"Message-ID": make_msgid(domain=domain), "Auto-Submitted": "auto-generated"}
        message: EmailMessage = super().render_mail(template_prefix, email, context, {**ours, **(headers or {})})
        return message
