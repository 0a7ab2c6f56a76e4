"""What a link has to do: which years of which manifests differ from what was linked last.

Each year of each manifest has a digest, kept in the database when it was linked. Nothing here
changes anything; tessera_catalog.link_years does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tessera_catalog import items
from tessera_catalog.catalogue import Series
from tessera_catalog.database import Connection, query
from tessera_catalog.said import Rows
from tessera_catalog.store_manifest import Manifest
from tessera_catalog.stores import Stores


@dataclass(frozen=True)
class Told:
    """One store's manifest, and the one that was linked last if it is still at hand."""

    manifest: Manifest
    previous: Manifest | None = None


@dataclass(frozen=True)
class Run:
    """What all years of a link share."""

    stores: Stores
    told: Mapping[str, Told]
    conninfo: str
    dry_run: bool


@dataclass(frozen=True)
class Job:
    """One year: the digests that its manifests have now, of the stores to be looked at."""

    series: Series
    digests: dict[str, bytes]
    known: dict[str, bytes]


def jobs_of(connection: Connection, run: Run, years: Sequence[Series]) -> list[Job]:
    """The years with something to do, the largest first."""
    found = (_job(connection, run, one) for one in years if one.tiles)
    jobs = [job for job in found if job is not None]
    return sorted(jobs, key=lambda job: -job.series.tiles)


def _job(connection: Connection, run: Run, series: Series) -> Job | None:
    """What a year needs: the stores whose manifest changed, all of them when tiles did."""
    known = {
        str(store): bytes(digest)  # type: ignore[call-overload]  # a bytea column
        for store, digest in connection.execute(query("linked"), [series.collection])
    }
    digests = {
        name: bytes.fromhex(told.manifest.year_digest(series.year))
        for name, told in run.told.items()
    }
    unsettled = connection.execute(query("has_unsettled"), [series.first_id] * 2).fetchone()
    if unsettled == (False,) and items.are_current(connection, series):
        digests = {name: digest for name, digest in digests.items() if known.get(name) != digest}
    return Job(series, digests, known) if digests else None


def unlisted(run: Run, years: Sequence[Series]) -> Counter[str]:
    """How many tiles each manifest has of years of which the registry has none."""
    known = {one.year for one in years if one.tiles}
    found: Counter[str] = Counter()
    for name, told in run.told.items():
        for year in set(told.manifest.years) - known:
            found[name] += told.manifest.read(year, ["lon_i"]).num_rows
    return found


def previous_rows(run: Run, job: Job, name: str, now: Rows) -> Rows | None:
    """The rows that the database was linked with; None when they are not at hand."""
    if job.known.get(name) == job.digests[name]:
        return now
    previous = run.told[name].previous
    if previous is None or name not in job.known:
        return None
    if bytes.fromhex(previous.year_digest(job.series.year)) != job.known[name]:
        return None
    return Rows(previous, job.series.year)
