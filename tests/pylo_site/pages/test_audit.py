from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from billing.models import RequestRecord
from pylo_site.pages.audit import FIELDS

if TYPE_CHECKING:
    from django.test import Client


def test_the_privacy_page_lists_every_column_of_the_record_in_order_and_no_other() -> None:
    assert [field.name for field in FIELDS] == [column.attname for column in RequestRecord._meta.concrete_fields]


@pytest.mark.django_db
def test_each_field_is_on_the_page_with_its_meaning(client: Client) -> None:
    html = client.get("/privacy/").content.decode()
    for field in FIELDS:
        assert f">{field.name}</th>" in html
        assert field.meaning.replace("'", "&#x27;") in html
