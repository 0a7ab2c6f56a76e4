"""Which files of tests one process runs one after another, of the several that `make test` has.

The catalogues, APIs and sites that tests share are made by each process that needs them, which
takes longer than many a file. Files beside these are given to whichever process is free.
"""

from __future__ import annotations

from pathlib import PurePosixPath

from xdist.scheduler import LoadFileScheduling

TOGETHER = {
    "the map, its first half": ("map_page", "map_tiles", "map_item_files"),
    "the map, the rest": ("map_areas", "map_coverage"),
    "what else shares the catalogue of map_world": (
        "analysts",
        "api_coverage",
        "api_metrics",
        "api_summary",
        "api_tiles",
        "export",
    ),
    "the API, its first half": (
        "api_behind_caddy",
        "api_conformance",
        "api_cql2",
        "api_faults",
        "api_fuzz",
    ),
    "the API, the rest": (
        "api_features",
        "api_limits",
        "api_placements",
        "api_search",
        "api_settings",
        "caddy",
        "docs_clients",
    ),
}
"""Of files that share a catalogue, no more in a row than others take meanwhile."""

_PLACES = {f"test_{name}": place for place, names in TOGETHER.items() for name in names}


class Together(LoadFileScheduling):
    """`--dist loadfile`, but for files that are better run together."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return _PLACES.get(PurePosixPath(file).stem, file)
