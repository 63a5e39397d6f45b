"""The files under deploy/ agree with each other and with the product."""

from __future__ import annotations

import configparser
import importlib.util
import re
from pathlib import Path

import pytest
from django.conf import settings

from pylo_site.server.limits import Limits

DEPLOY = Path(__file__).parents[2] / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
NGINX = re.sub(r"(?m)(^|\s)#.*$", "", (DEPLOY / "nginx.conf").read_text())
MIB = 2**20


def unit(name: str) -> configparser.SectionProxy:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.read(DEPLOY / "systemd" / name)
    return parser["Service"]


def said(directive: str) -> list[str]:
    """Return what each use of a directive of nginx says."""
    return [" ".join(value.split()) for value in re.findall(rf"(?<![\w-]){directive}\s+([^;{{]+);", NGINX)]


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_starts_what_there_is(path: Path) -> None:
    program, *words = unit(path.name)["ExecStart"].split()
    assert program == "/opt/pylo/.venv/bin/python"
    assert words[:2] == ["manage.py", "ship"] if words[0] != "-m" else importlib.util.find_spec(words[1])


def test_every_process_of_ours_has_a_unit() -> None:
    assert [path.stem for path in UNITS] == ["pylo-beat", "pylo-ship", "pylo-web", "pylo-worker"]


def test_a_stop_is_told_once_and_waits_for_the_drain() -> None:
    web = unit("pylo-web.service")
    assert web["KillMode"] == "mixed"
    assert int(web["TimeoutStopSec"]) > settings.PYLO_DRAIN_SECONDS + 10


def test_nginx_takes_as_large_a_body_as_the_product_and_keeps_it_in_memory() -> None:
    assert settings.PYLO_MAX_BODY_BYTES == 4 * MIB
    assert said("client_max_body_size") == said("client_body_buffer_size") == ["4m"]
    assert said("proxy_buffering") == said("proxy_request_buffering") == ["off"]
    assert said("proxy_max_temp_file_size") == ["0"]


def test_nginx_replaces_what_a_client_says_of_itself() -> None:
    told = said("proxy_set_header")
    assert "X-Forwarded-For $remote_addr" in told
    assert 'Daphne-Root-Path ""' in told


def test_nginx_logs_no_query_string() -> None:
    (line,) = said("log_format")
    assert not re.search(r"\$(request|request_uri|uri|args|query_string|http_\w+|arg_\w+)\b", line)
    assert said("error_log") == ["/var/log/nginx/error.log crit"]


def test_nginx_is_the_side_that_closes_a_line_which_nobody_uses() -> None:
    upstream = re.search(r"upstream pylo \{(.*?)\}", NGINX, re.DOTALL)
    assert upstream is not None
    (seconds,) = re.findall(r"keepalive_timeout\s+(\d+)s;", upstream[1])
    assert int(seconds) < Limits().idle_seconds


def test_what_nginx_answers_by_itself_is_as_our_own() -> None:
    answers = re.findall(r"location @\w+ \{(.*?)return \d+ '(\{.*?\})';", NGINX, re.DOTALL)
    assert len(answers) == 3
    for headers, body in answers:
        assert 'Strict-Transport-Security "max-age=31536000; includeSubDomains" always' in headers
        assert "X-Request-Id req_$request_id always" in headers
        assert re.fullmatch(r'\{"error":\{"message":"[^"]+","type":"\w+","param":null,"code":"\w+"\}\}', body)
