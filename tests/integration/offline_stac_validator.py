"""stac-api-validator without the network: the schemas of STAC 1.1 are those that pystac carries.

    python offline_stac_validator.py --root-url … --conformance core

The schemas of extensions are in no package, so extensions are not validated here.
"""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

import stac_validator.utilities as utilities
from stac_api_validator.__main__ import main

CARRIED = resources.files("pystac.validation.jsonschemas")


def schema(url: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
    """A schema by its address; the answer of the address itself when it is no schema."""
    name = url.rpartition("/")[2]
    if url.startswith("https://schemas.stacspec.org/v1.1.0/"):
        found = CARRIED / "stac-spec" / "v1.1.0" / name
    elif url.startswith("https://geojson.org/schema/"):
        found = CARRIED / "geojson" / name
    elif url.startswith("https://stac-extensions.github.io/"):
        return {"$id": url}
    else:
        return original(url, headers)
    parsed: dict[str, Any] = json.loads(found.read_text())
    return parsed


original = utilities.fetch_and_parse_file
utilities.fetch_and_parse_file = schema

if __name__ == "__main__":
    main(prog_name="stac-api-validator")
