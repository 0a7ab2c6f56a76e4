"""The coverage pictures: every tile a pixel, and nothing else; what the colours say is true."""

from __future__ import annotations

import io
import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import api_server
import httpx
import numpy as np
import numpy.typing as npt
import pytest
from map_world import (
    EDGES,
    OTHER,
    PLACED,
    STATES,
    Place,
    Placed,
    link_placed,
    load_placed,
    verified,
)
from PIL import Image
from registries import STORES

Pixels = npt.NDArray[np.uint8]


def seen(api: httpx.Client, path: str, **parameters: str) -> tuple[Pixels, dict[str, Any]]:
    """A picture's pixels as the palette's indices, and the legend inside it."""
    answer = api.get(path, params=parameters)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/png"
    image = Image.open(io.BytesIO(answer.content))
    assert image.size == (3600, 1800)
    return np.asarray(image), json.loads(image.text["legend"])  # type: ignore[attr-defined]


def pixel(place: Place) -> tuple[int, int]:
    """Row and column of a tile's pixel."""
    lon, lat = place
    return math.floor((90 - lat) * 10), math.floor((lon + 180) * 10)


def copies(word: str) -> dict[str, str]:
    return {store: STATES[letter] for store, letter in zip(STORES.names, word, strict=True)}


def check(pixels: Pixels, legend: dict[str, Any], places: dict[Place, str]) -> None:
    """The picture has these tiles and no other, and says of each where its copies are."""
    assert {tuple(at) for at in np.argwhere(pixels).tolist()} == {pixel(p) for p in places}
    said = {entry["value"]: entry["stores"] for entry in legend["colors"]}
    assert 0 not in said
    for place, word in places.items():
        assert said[pixels[pixel(place)]] == copies(word), place
    counted = Counter(tuple(copies(word).items()) for word in places.values())
    assert {tuple(e["stores"].items()): e["tiles"] for e in legend["colors"]} == counted


@pytest.mark.parametrize("year", PLACED)
def test_each_tile_is_a_pixel_that_says_where_its_copies_are(
    map_api: httpx.Client, year: int
) -> None:
    pixels, legend = seen(map_api, f"/coverage/geotessera-{year}.png")
    check(pixels, legend, PLACED[year])
    assert legend["tiles"] == len(PLACED[year])
    assert (legend["collection"], legend["dataset"]) == (f"geotessera-{year}", "v1")
    assert legend["stores"] == list(STORES.names)


def test_corners_of_the_picture_are_corners_of_the_world(map_api: httpx.Client) -> None:
    pixels, _ = seen(map_api, "/coverage/geotessera-2024.png")
    assert pixels[0, 0]
    assert pixels[0, 3599]
    assert pixels[1799, 0]
    assert pixels[1799, 3599]
    assert not pixels[1, 1]
    assert pixels[899, 0]
    assert pixels[900, 3599]
    assert not pixels[900, 0]
    assert not pixels[899, 3599]


def test_datasets_have_pictures_of_their_own(map_api: httpx.Client) -> None:
    pixels, legend = seen(map_api, "/coverage/geotessera-v2-2024.png")
    check(pixels, legend, OTHER[2024])
    assert legend["dataset"] == "v2"


def test_red_is_the_index_and_no_tile_is_transparent(map_api: httpx.Client) -> None:
    image = Image.open(io.BytesIO(map_api.get("/coverage/geotessera-2024.png").content))
    index, colours = np.asarray(image), np.asarray(image.convert("RGBA"))
    assert (colours[..., 0] == index).all()
    assert (colours[index == 0] == 0).all()
    assert (colours[index > 0][:, 3] == 255).all()
    legend = map_api.get("/coverage/geotessera-2024.json").json()
    said = {entry["value"]: entry["color"] for entry in legend["colors"]}
    for place in EDGES:
        red, green, blue, _ = colours[pixel(place)]
        assert said[red] == f"#{red:02x}{green:02x}{blue:02x}"


@pytest.mark.parametrize("show", ["stores", "verified"])
def test_the_legend_is_a_document_too(map_api: httpx.Client, show: str) -> None:
    _, legend = seen(map_api, "/coverage/geotessera-2024.png", show=show)
    answer = map_api.get("/coverage/geotessera-2024.json", params={"show": show})
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == legend
    assert legend["show"] == show


def test_months_of_verification(map_api: httpx.Client) -> None:
    pixels, legend = seen(map_api, "/coverage/geotessera-2024.png", show="verified")
    said = {entry["value"]: entry["verified"] for entry in legend["colors"]}
    assert {tuple(at) for at in np.argwhere(pixels).tolist()} == {pixel(p) for p in PLACED[2024]}
    months = []
    for place, word in PLACED[2024].items():
        times = [verified(place, n) for n, letter in enumerate(word) if letter == "s"]
        last = max((time for time in times if time), default=None)
        month = None if last is None else f"{last:%Y-%m}"
        assert said[pixels[pixel(place)]] == month, place
        months.append(month)
    assert {entry["verified"]: entry["tiles"] for entry in legend["colors"]} == Counter(months)
    assert len(said) > 4


@pytest.mark.parametrize("ending", ["png", "json"])
def test_an_unchanged_picture_is_not_sent_again(map_api: httpx.Client, ending: str) -> None:
    path = f"/coverage/geotessera-2024.{ending}"
    first = map_api.get(path)
    tag = first.headers["etag"]
    assert "no-cache" in first.headers["cache-control"]
    again = map_api.get(path, headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == tag
    other = map_api.get(path, headers={"If-None-Match": '"another"'})
    assert (other.status_code, other.content) == (200, first.content)


@pytest.mark.parametrize("ending", ["png", "json"])
def test_head(map_api: httpx.Client, ending: str) -> None:
    path = f"/coverage/geotessera-2024.{ending}"
    plain = {"Accept-Encoding": "identity"}
    head, get = map_api.head(path, headers=plain), map_api.get(path, headers=plain)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("content-type", "content-length", "etag", "cache-control"):
        assert head.headers[name] == get.headers[name]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/coverage/geotessera-1999.png", 404),
        ("/coverage/geotessera-1999.json", 404),
        ("/coverage/geotessera-2024.gif", 404),
        ("/coverage/geotessera-2024%00.png", 400),
        ("/coverage/geotessera-2024.png?show=everything", 400),
    ],
)
def test_what_there_is_not(map_api: httpx.Client, path: str, status: int) -> None:
    answer = map_api.get(path)
    assert answer.status_code == status
    assert set(answer.json()) == {"code", "description"}


def test_loads_and_links_show_at_once(
    migrated_database: str, migrated_pg_env: dict[str, str], tmp_path: Path
) -> None:
    places: dict[Place, str] = {(0.05, 50.05): "s--", (-0.05, -50.05): "s--"}
    path = "/coverage/geotessera-2024.png"
    tags = []

    def step(api: httpx.Client, placed: dict[Place, str]) -> None:
        answer = api.get(path, headers={"If-None-Match": ", ".join(tags)})
        assert answer.status_code == 200
        tags.append(answer.headers["etag"])
        check(*seen(api, path), placed)

    with (
        api_server.running(migrated_pg_env) as address,
        httpx.Client(base_url=address, timeout=60) as api,
    ):
        assert api.get(path).status_code == 404
        load_placed(migrated_database, tmp_path, {2024: places})
        step(api, places)
        places |= {(-0.05, -50.05): "sss", (179.95, 0.05): "s--"}
        load_placed(migrated_database, tmp_path, {2024: places})
        step(api, places | {(-0.05, -50.05): "s--"})
        link_placed(migrated_database, tmp_path, {2024: places}, *STORES.names)
        step(api, places)
        # From stale to incomplete: nothing that items show, and yet another picture.
        for word in ("sts", "sis"):
            places[-0.05, -50.05] = word
            link_placed(migrated_database, tmp_path, {2024: places}, *STORES.names)
            step(api, places)
        del places[179.95, 0.05]
        kept: Placed = {2024: places}
        load_placed(migrated_database, tmp_path, kept, prune=True, force=True)
        step(api, places)
        assert len(set(tags)) == len(tags) == 6
