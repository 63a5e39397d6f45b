"""`manage.py rebuild_spends [--workspace …]`: put what was spent, and what is not invoiced, right from the records."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import Workspace
from billing import spend_rebuild

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    help = "Count anew what workspaces and keys spent in each period and what is on no invoice, and name wrong rows."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--workspace", type=uuid.UUID, help="only this one, by its id")

    def handle(self, *args: Any, workspace: uuid.UUID | None, **options: Any) -> None:  # noqa: ARG002 - Django's
        found = Workspace.objects.order_by("id").values_list("id", flat=True)
        ids = list(found if workspace is None else found.filter(id=workspace))
        if workspace is not None and not ids:
            raise CommandError(f"There is no workspace {workspace}.")
        rows = 0
        for number, each in enumerate(ids, start=1):
            for change in (*spend_rebuild.rebuild(each), *spend_rebuild.rebuild_unbilled(each)):
                rows += 1
                self.stdout.write(f"workspace {each}: {change}")
            if number % 100 == 0:
                self.stderr.write(f"{number} of {len(ids)} workspaces, {rows} rows so far")
        self.stdout.write(f"{rows} rows were put right in {len(ids)} workspaces.")
