"""CQL2 filters of --filter, understood as the API understands them."""

from __future__ import annotations

from collections.abc import Callable

from psycopg.types.json import Jsonb

from tessera_catalog.database import Connection
from tessera_catalog.errors import InputError


def condition(connection: Connection, text: str, warn: Callable[[str], None]) -> str:
    """SQL of pgSTAC's for a filter, in CQL2 text or JSON, about rows of its items.

    `warn` is told of names that no item has. InputError when the API would refuse the filter.
    """
    try:
        from tessera_api.errors import InvalidParameter
        from tessera_api.filters.parse import parse
        from tessera_api.filters.properties import Properties
        from tessera_api.searches import Search
    except ImportError as error:
        raise InputError(
            f"--filter takes the packages of the API ({error.name} is not installed): "
            "in the checkout, pip install '.[api]'"
        ) from error
    definitions = connection.execute("SELECT name, definition FROM pgstac.queryables").fetchall()
    properties = Properties(dict(definitions))  # type: ignore[arg-type]  # JSON objects by name
    try:
        search = Search(filter=parse(text))
        asked = search.for_pgstac(properties)
    except InvalidParameter as error:
        raise InputError(f"--filter: {error}") from error
    for warning in search.warnings(properties):
        warn(f"--filter: {warning}")
    connection.execute("SET search_path = pgstac, public")
    row = connection.execute("SELECT pgstac.stac_search_to_where(%s)", [Jsonb(asked)]).fetchone()
    return str(row[0]) if row else "true"
