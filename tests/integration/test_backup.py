"""The catalogue from a backup as of a moment, from a dump, and from the parquet files alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import clusters
import httpx
from api_server import running
from clusters import DATABASE, Site
from registries import contents, execute, load_file, select, value

from tessera_api.queries import query
from tessera_local.server import Server

PAGE = Path(__file__).resolve().parents[2] / "docs" / "operations" / "backup.md"

COPIES = (
    "SELECT s.name, r.tile_id, r.state FROM tessera.replica r JOIN tessera.store s USING (store_id)"
)


def all_of(conninfo: str) -> dict[str, list[tuple[Any, ...]]]:
    """What a load and a link leave behind, without the times at which they ran."""
    return {
        **contents(conninfo),
        "copies": select(conninfo, f"{COPIES} ORDER BY 1, 2"),
        "placements": select(conninfo, "SELECT p::text FROM tessera.placement p ORDER BY 1"),
    }


def test_the_page(site: Site) -> None:
    clusters.create_database(site.primary)
    of, restored = site.primary, site.rehearse(PAGE)
    then = all_of(restored.conninfo(DATABASE))
    assert len(then["items"]) == 6000
    assert then == all_of(of.conninfo("anew"))
    assert then == all_of(of.conninfo("moved"))
    assert then != all_of(of.conninfo(DATABASE))
    no_tag_of_the_lost_time_comes_again(of, restored, site.work)
    readers_read(of, "moved", 6000)
    readers_read(restored, DATABASE, 1000)


def no_tag_of_the_lost_time_comes_again(lost: Server, restored: Server, folder: Path) -> None:
    """Not even when the same is loaded again, which counts on to the same number."""
    revisions = [value(server.conninfo(DATABASE), query("revision")) for server in (lost, restored)]
    load_file(
        restored.conninfo(DATABASE), folder / "wrong" / "registry.parquet", prune=True, force=True
    )
    again = value(restored.conninfo(DATABASE), query("revision"))
    assert again not in revisions


def readers_read(server: Server, database: str, tiles: int) -> None:
    """The API answers as its own role, which can still write nothing."""
    execute(server.conninfo(database), "ALTER ROLE tessera_api PASSWORD 'made-up'")
    login = {"TESSERA_API_PGUSER": "tessera_api", "TESSERA_API_PGPASSWORD": "made-up"}
    with (
        running({**server.environment(database), **login}) as address,
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        assert client.get("/search?limit=1").json()["numberMatched"] == tiles
        assert client.get("/summary").is_success
        assert client.get("/features/collections/tessera.tile/items?limit=1").is_success
