"""The requests that real clients were seen to send, asked of the real early registry."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import pytest
from api_server import database, running

from tessera_local.server import Server

RECORDED = Path(__file__).parents[3] / "shared" / "data" / "client-requests"

SKIPPED = "the recorded requests are not here (../shared/data/client-requests)"

SAME_TILES = re.compile(r"geotessera-202[12]\b|datetime=2021-01|\"datetime\": \"2021-01-01")
"""Requests of the years whose tiles the recorded server had as the registry has them."""

OTHER_TILES = re.compile(
    r"store|scaleway|updated|model_version|2022-|\.\./|202[34]-|2025|2021-01-01T.*2022"
)
"""Requests whose answers depend on what the registry does not say, or on other years."""


def requests() -> list[dict[str, Any]]:
    return [
        json.loads(line)
        for path in sorted(RECORDED.glob("*.jsonl"))
        for line in path.read_text().splitlines()
    ]


@pytest.fixture(scope="module")
def registry_api(postgres: Server, registry_path: Path) -> Iterator[httpx.Client]:
    """An API of the real early registry."""
    with database(postgres) as made:
        subprocess.run(
            [str(Path(sys.executable).parent / "tessera-load"), str(registry_path)],
            env={**os.environ, **made.environment}, check=True, capture_output=True,
        )  # fmt: skip
        with (
            running(made.environment) as address,
            httpx.Client(base_url=address, timeout=60) as client,
        ):
            yield client


def sent(client: httpx.Client, request: dict[str, Any]) -> httpx.Response:
    """Send a recorded request as it was, but for what the recorded server called otherwise."""
    path, body = request["path_and_query"], json.dumps(request.get("body"))
    for theirs in ("tessera:on_", "tessera%3Aon_"):
        path, body = (text.replace(theirs, "tessera:in_") for text in (path, body))
    headers = {
        name: value
        for name, value in request["headers"].items()
        if name in ("accept", "origin") or name.startswith("access-control-")
    }
    return client.request(request["method"], path, json=json.loads(body), headers=headers)


def asked(request: dict[str, Any]) -> str:
    return f"{unquote(request['path_and_query'])} {json.dumps(request.get('body'))}"


def absent_collection(request: dict[str, Any]) -> bool:
    """Whether it is about a collection of the recorded server that the registry has not."""
    return re.search(r"/collections/geotessera-202[45]", request["path_and_query"]) is not None


def test_every_request_is_answered(registry_api: httpx.Client) -> None:
    """Well, where the recorded server answered well or should have; never by a failure.

    Where the years asked for have the same tiles there and here, as many items match.
    """
    if not RECORDED.is_dir():
        pytest.skip(SKIPPED)
    compared, wrong = 0, []
    for request in requests():
        if request.get("server_token"):
            continue  # a token of the recorded server's own
        answer = sent(registry_api, request)
        good = request["status"] < 400 or request["verdict"].startswith("must-be-good")
        must_be_good = good and not absent_collection(request)
        if answer.status_code >= (400 if must_be_good else 500):
            wrong.append(f"{answer.status_code}: {asked(request)}: {answer.text[:200]}")
            continue
        question = asked(request)
        if (
            answer.status_code == 200
            and request["status"] == 200
            and request.get("numberMatched") is not None
            and SAME_TILES.search(question)
            and not OTHER_TILES.search(question)
        ):
            compared += 1
            page = answer.json()
            numbers = (page["numberMatched"], page["numberReturned"])
            if numbers != (request["numberMatched"], request["numberReturned"]):
                wrong.append(f"{numbers}, not {request['numberMatched']}: {question}")
    assert not wrong, "\n".join(wrong)
    assert compared > 50


def test_what_the_recorded_server_got_wrong(registry_api: httpx.Client) -> None:
    if not RECORDED.is_dir():
        pytest.skip(SKIPPED)
    failed = [r for r in requests() if r["verdict"].startswith("must-be-good")]
    assert len(failed) > 8
    for request in failed:
        answer = sent(registry_api, request)
        assert answer.status_code == 200, asked(request)
        if "features" not in answer.json():
            continue
        question = asked(request)
        matched = answer.json()["numberMatched"]
        if '"in"' in question and "[]" in question:
            assert matched == 0
        elif "+ 1" in question:
            assert matched == 3157  # as many as have a latitude above 52
        elif "2021-01-01/2021-12-31" in question:
            assert matched == 4055
        elif "startsWith" in question:
            assert 0 < matched < 4055


def test_pages_are_followed_both_ways(registry_api: httpx.Client) -> None:
    """What the requests with tokens did: from page to page by the links, forth and back."""
    url: str | None = "/collections/geotessera-2021/items?limit=1000"
    pages: list[dict[str, Any]] = []
    while url:
        pages.append(registry_api.get(url).json())
        links = {link["rel"]: link["href"] for link in pages[-1]["links"]}
        url = links.get("next")
    assert [page["numberReturned"] for page in pages] == [1000, 1000, 1000, 1000, 55]
    back = registry_api.get(links["previous"]).json()
    assert [i["id"] for i in back["features"]] == [i["id"] for i in pages[-2]["features"]]
