"""What analysts are given: each view and function says what SQL counts tile by tile."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import api_server
import psycopg
import pytest
from map_world import OTHER, PLACED, link_placed, load_placed
from registries import STORES, select, value
from shapely import from_wkb
from shapely.geometry import box, mapping
from synthetic_world import synthetic

from tessera_local.server import Server

SQUARES = """
    WITH tile AS (
        SELECT *, floor(lon)::int AS west, floor(lat)::int AS south FROM tessera.tile
    )
    SELECT dataset, year, west, south, count(*) AS tiles,
           sum(coalesce(embeddings_size, 0) + coalesce(scales_size, 0))::bigint,
           (SELECT coalesce(jsonb_object_agg(s.name, held.n) FILTER (WHERE held.n > 0), '{}')
            FROM tessera.store s, LATERAL (
                SELECT count(*) AS n FROM tile o
                WHERE (o.dataset, o.year, o.west, o.south) = (t.dataset, t.year, t.west, t.south)
                  AND s.name = ANY (o.stores)) AS held),
           ST_AsText(ST_MakeEnvelope(west, south, west + 1, south + 1))
    FROM tile t GROUP BY dataset, year, west, south
"""
"""Coverage, counted tile by tile."""

KEPT = """
    SELECT dataset, year, west::int, south::int, tiles::bigint, bytes, held, ST_AsText(geom)
    FROM tessera.coverage
"""


def rows_of(database: str, query: str, *parameters: Any) -> Counter[str]:
    """Rows of a query, in any order."""
    return Counter(
        json.dumps(row, sort_keys=True, default=str) for row in select(database, query, *parameters)
    )


class TestCoverage:
    def test_counts(self, map_database: api_server.Catalogue) -> None:
        kept = rows_of(map_database.conninfo, KEPT)
        assert len(kept) > 20
        assert kept == rows_of(map_database.conninfo, SQUARES)

    def test_numbers_are_unique_and_of_the_place(self, map_database: api_server.Catalogue) -> None:
        query = """
            SELECT count(*) FROM tessera.coverage c
            WHERE c.id <> ALL (SELECT tessera.square(t.id) FROM tessera.tile t
                               WHERE t.dataset = c.dataset AND t.year = c.year
                                 AND floor(t.lon) = c.west AND floor(t.lat) = c.south)"""
        assert value(map_database.conninfo, query) == 0

    def test_follows_links_and_loads(self, migrated_database: str, tmp_path: Path) -> None:
        places = {2024: {(lon / 100, 0.05): "s--" for lon in range(5, 405, 10)}}
        steps = [
            ("s--", STORES.names),  # all at once
            ("ss-", ["s3"]),  # few at a time
            ("sts", ["s3", "scaleway"]),
            ("---", STORES.names),
        ]
        load_placed(migrated_database, tmp_path, places)
        assert rows_of(migrated_database, KEPT) == rows_of(migrated_database, SQUARES)
        for number, (word, stores) in enumerate(steps):
            for lon in range(5, 405, 10)[number : number + 6]:
                places[2024][lon / 100, 0.05] = word
            linked = link_placed(migrated_database, tmp_path, places, *stores)
            assert linked.tiles > 0
            assert rows_of(migrated_database, KEPT) == rows_of(migrated_database, SQUARES)
        del places[2024][0.05, 0.05], places[2024][3.95, 0.05]
        load_placed(migrated_database, tmp_path, places, prune=True, force=True)
        assert rows_of(migrated_database, KEPT) == rows_of(migrated_database, SQUARES)
        load_placed(
            migrated_database, tmp_path, {2023: {(9.05, 9.05): "s--"}}, prune=True, force=True
        )
        assert value(
            migrated_database, "SELECT array_agg(DISTINCT year) FROM tessera.coverage"
        ) == [2023]


class TestStores:
    def test_copies(self, map_database: api_server.Catalogue) -> None:
        """One row for each copy, sound or not, with the addresses that the STAC item has."""
        database = map_database.conninfo
        items = dict(select(database, "SELECT id, content->'assets' FROM pgstac.items"
                                      " WHERE collection LIKE 'geotessera-2___'"))  # fmt: skip
        assert len(items) > 1000
        sound: set[tuple[str, str, str]] = set()
        for item, assets in items.items():
            for key, asset in assets.items():
                if isinstance(asset, str):
                    continue  # there is no such file
                others = [one["href"] for one in asset.get("alternate", {}).values()]
                sound |= {(item, key, href) for href in (asset["href"], *others)}
        query = """
            SELECT tessera.item_id(tile_id), u.name, u.url FROM tessera.tile_store
            CROSS JOIN LATERAL (VALUES ('embeddings', embeddings_url),
                                       ('embeddings_scales', scales_url)) AS u (name, url)
            WHERE state IN ('same', 'presumed') AND url IS NOT NULL AND dataset = 'v1'"""
        assert set(select(database, query)) == sound
        unsound = """
            SELECT state, count(*) FROM tessera.tile_store
            WHERE state IN ('stale', 'incomplete') GROUP BY state"""
        words = [word for places in PLACED.values() for word in places.values()]
        assert dict(select(database, unsound)) == {
            "stale": sum(word.count("t") for word in words),
            "incomplete": sum(word.count("i") for word in words),
        }

    def test_presumed_before_any_link(self, map_database: api_server.Catalogue) -> None:
        states = select(
            map_database.conninfo,
            "SELECT store, state, count(*) FROM tessera.tile_store"
            " WHERE dataset = 'v2' GROUP BY store, state",
        )
        tiles = sum(len(places) for places in OTHER.values())
        assert states == [(STORES.primary.name, "presumed", tiles)]

    def test_gaps(self, map_database: api_server.Catalogue) -> None:
        found = select(
            map_database.conninfo,
            "SELECT year, lon, lat, store, state FROM tessera.gaps WHERE dataset = 'v1'",
        )
        assert Counter(found) == Counter(
            (year, *place, store, "missing" if letter == "-" else "unsound")
            for year, places in PLACED.items()
            for place, word in places.items()
            for store, letter in zip(STORES.names, word, strict=True)
            if letter != "s"
        )

    def test_summary(self, map_database: api_server.Catalogue) -> None:
        counted = """
            SELECT t.dataset, t.year, s.name, count(*) FILTER (WHERE s.name = ANY (t.stores)),
                   coalesce(sum(coalesce(t.embeddings_size, 0) + coalesce(t.scales_size, 0))
                            FILTER (WHERE s.name = ANY (t.stores)), 0)::bigint,
                   count(*) FILTER (WHERE s.name <> ALL (t.stores)
                                    AND s.name <> ALL (coalesce(t.unsound_stores, '{}'))),
                   count(*) FILTER (WHERE s.name = ANY (t.unsound_stores))
            FROM tessera.tile t CROSS JOIN tessera.store s GROUP BY 1, 2, 3"""
        kept = (
            "SELECT dataset, year, store, tiles, bytes, missing, unsound FROM tessera.store_summary"
        )
        assert rows_of(map_database.conninfo, kept) == rows_of(map_database.conninfo, counted)


BOXES = [
    (10.9, 0.0, 11.5, 0.4),  # edges on the grid: neighbours touch it
    (11.23, 0.11, 11.31, 0.32),
    (-0.1, -0.1, 0.1, 0.1),
    (-180, -90, 180, 90),
    (40, 40, 41, 41),
]


class TestFunctions:
    @pytest.mark.parametrize("year", [None, 2024])
    @pytest.mark.parametrize("area", BOXES)
    def test_tiles_in(
        self, map_database: api_server.Catalogue, area: Any, year: int | None
    ) -> None:
        square = box(*area)
        found = select(
            map_database.conninfo,
            "SELECT id FROM tessera.tiles_in(ST_SetSRID(ST_GeomFromGeoJSON(%s), 4326), %s)",
            json.dumps(mapping(square)), year,
        )  # fmt: skip
        tiles = select(
            map_database.conninfo, "SELECT id, year, ST_AsBinary(geom) FROM tessera.tile"
        )
        assert sorted(found) == sorted(
            (number,)
            for number, of_year, geom in tiles
            if year in (None, of_year) and from_wkb(geom).intersection(square).area > 1e-9
        )

    def test_points_and_lines(self, map_database: api_server.Catalogue) -> None:
        counted = {
            "POINT(11.25 0.15)": 1,
            "POINT(11.3 0.15)": 2,  # on the edge of two
            "LINESTRING(11.21 0.11, 11.49 0.11)": 3,
        }
        for text, count in counted.items():
            query = """
                SELECT count(*) FROM tessera.tiles_in(ST_GeomFromText(%s, 4326), 2024)
                WHERE dataset = 'v1'"""
            assert value(map_database.conninfo, query, text) == count, text

    @pytest.mark.parametrize("store", STORES.names)
    def test_missing_from(self, map_database: api_server.Catalogue, store: str) -> None:
        found = select(
            map_database.conninfo,
            "SELECT year, lon, lat FROM tessera.missing_from(%s) WHERE dataset = 'v1'", store,
        )  # fmt: skip
        missing = {
            (year, *place)
            for year, places in PLACED.items()
            for place, word in places.items()
            if word[STORES.names.index(store)] == "-"
        }
        assert set(found) == missing
        area = (10, -5, 12, 5)
        narrowed = select(
            map_database.conninfo,
            "SELECT year, lon, lat FROM tessera.missing_from("
            "    %s, 2024, ST_MakeEnvelope(%s, %s, %s, %s, 4326)) WHERE dataset = 'v1'",
            store, *area,
        )  # fmt: skip
        assert set(narrowed) == {
            (year, lon, lat)
            for year, lon, lat in missing
            if year == 2024 and area[0] < lon < area[2] and area[1] < lat < area[3]
        }

    @pytest.mark.parametrize(
        "call",
        ["missing_from('s4')", "missing_from(NULL)", "missing_from('S3', 2024)"],
    )
    def test_an_unknown_store_is_an_error(
        self, map_database: api_server.Catalogue, call: str
    ) -> None:
        with pytest.raises(
            psycopg.errors.InvalidParameterValue, match="the stores are okavango, s3, scaleway"
        ):
            select(map_database.conninfo, f"SELECT * FROM tessera.{call}")

    def test_url(self, map_database: api_server.Catalogue) -> None:
        query = """
            SELECT count(*), count(*) FILTER (WHERE
                tessera.url(t, s.name) IS NOT DISTINCT FROM c.embeddings_url
                AND tessera.url(t, s.name, 'embeddings_scales') IS NOT DISTINCT FROM c.scales_url)
            FROM tessera.tile t CROSS JOIN tessera.store s
            LEFT JOIN tessera.tile_store c ON c.tile_id = t.id AND c.store = s.name
                AND c.state IN ('same', 'presumed')"""
        ((all_, right),) = select(map_database.conninfo, query)
        assert all_ > 3000
        assert right == all_
        with pytest.raises(psycopg.errors.InvalidParameterValue):
            select(map_database.conninfo, "SELECT tessera.url(t, 's4') FROM tessera.tile t LIMIT 1")


def test_everything_is_described(map_database: api_server.Catalogue) -> None:
    """Each table, view and function in the schema has a comment, and each view's own columns."""
    lacking = """
        SELECT relname FROM pg_class
        WHERE relnamespace = 'tessera'::regnamespace AND relkind IN ('r', 'p', 'v')
          AND NOT relispartition AND obj_description(oid) IS NULL
        UNION ALL
        SELECT proname FROM pg_proc
        WHERE pronamespace = 'tessera'::regnamespace AND prorettype <> 'trigger'::regtype
          AND obj_description(oid) IS NULL"""
    assert select(map_database.conninfo, lacking) == []


def plan(database: api_server.Catalogue, query: str) -> dict[str, Any]:
    """What a query does, and what it was thought to need."""
    (tree,) = value(database.conninfo, f"EXPLAIN (ANALYZE, FORMAT json) {query}")
    root: dict[str, Any] = tree["Plan"]
    return root


def nodes(tree: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All nodes of a plan."""
    yield tree
    for part in tree.get("Plans", ()):
        yield from nodes(part)


AREA = "ST_MakeEnvelope(5, 48.5, 9, 51.5, 4326)"


@pytest.fixture(scope="module")
def large(
    postgres: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[api_server.Catalogue]:
    with synthetic(postgres, tmp_path_factory.mktemp("large"), 150_000) as made:
        yield made


class TestPlans:
    @pytest.mark.parametrize(
        "source",
        [
            f"tessera.tile WHERE year = 2024 AND geom && {AREA}",
            f"tessera.tiles_in({AREA}, 2024)",
            f"tessera.missing_from('s3', 2024, {AREA})",
            f"tessera.gaps WHERE year = 2024 AND store = 's3' AND ST_Intersects(geom, {AREA})",
            f"tessera.tile_store WHERE year = 2024 AND ST_Intersects(geom, {AREA})",
        ],
    )
    def test_an_area_of_a_year_is_looked_up(self, large: api_server.Catalogue, source: str) -> None:
        tree = plan(large, f"SELECT * FROM {source}")
        scans = [node for node in nodes(tree) if node.get("Relation Name", "").startswith("tile_")]
        read = {node["Relation Name"] for node in scans if node["Actual Loops"]}
        assert read == {"tile_1_2024"}
        assert all("Seq" not in node["Node Type"] for node in scans)
        assert 1000 < tree["Actual Rows"] < 3000
        assert tree["Plan Rows"] / 4 < tree["Actual Rows"] < tree["Plan Rows"] * 4

    def test_a_year_leaves_the_others_alone(self, large: api_server.Catalogue) -> None:
        tree = plan(large, "SELECT count(*) FROM tessera.tile WHERE year = 2019")
        assert {n["Relation Name"] for n in nodes(tree) if "Relation Name" in n} == {"tile_1_2019"}

    @pytest.mark.parametrize("view", ["store_summary", "coverage"])
    def test_sums_do_not_look_at_tiles(self, large: api_server.Catalogue, view: str) -> None:
        tree = plan(large, f"SELECT * FROM tessera.{view}")
        assert not [n for n in nodes(tree) if n.get("Relation Name", "").startswith("tile")]
