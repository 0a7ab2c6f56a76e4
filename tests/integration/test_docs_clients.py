"""The examples of filters in the page about clients are answered as the page says.

The page's programs are run with the README's session, on its catalogue.
"""

from __future__ import annotations

import re
from pathlib import Path

import cql2
import httpx
import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "clients.md"

_ROW = re.compile(r"^\| [^|`]+ \| `(?P<filter>.+)` \|$", re.M)


def tables() -> tuple[list[str], list[str]]:
    """Filters that are answered, and those that are not supported."""
    answered, refused = re.findall(r"\| what \| example \|\n(?:\|.*\n)+", PAGE.read_text())
    return _ROW.findall(answered), _ROW.findall(refused)


ANSWERED, REFUSED = tables()


@pytest.mark.parametrize("text", ANSWERED)
def test_answered(api: httpx.Client, text: str) -> None:
    in_json = {"filter": cql2.parse_text(text).to_json(), "limit": 1}
    by_text = api.get("/search", params={"filter": text, "limit": 1})
    for answer in (by_text, api.post("/search", json=in_json)):
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert page["numberMatched"] > 0
        assert "warnings" not in page


@pytest.mark.parametrize("text", REFUSED)
def test_refused(api: httpx.Client, text: str) -> None:
    answer = api.get("/search", params={"filter": text})
    assert answer.status_code == 400
    assert answer.json()["description"]


def test_the_tables_are_found() -> None:
    assert len(ANSWERED) > 20
    assert len(REFUSED) > 4
