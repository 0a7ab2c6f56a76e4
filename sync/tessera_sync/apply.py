"""`apply PLAN`: carry a plan out, once, whatever interrupts it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tessera_catalog.errors import InputError, Refused
from tessera_catalog.locks import hold, lock
from tessera_catalog.stores import Stores
from tessera_sync import manifests, old_journals
from tessera_sync.journal import open_journal, plan_id
from tessera_sync.lineage import Lineage
from tessera_sync.plan_file import Header, read_plan
from tessera_sync.run import Options, Report, Run
from tessera_sync.selection import parse_shard
from tessera_sync.steps import not_finished, part_of


def apply(
    data_dir: Path,
    stores: Stores,
    dataset: str,
    path: Path,
    options: Options,
    say: Callable[[str], None],
) -> Report:
    """Carry out a plan of the dataset, or what is left of it.

    `say` is given messages for people. The catalogue is not touched: its links want to follow.

    Refused when a manifest is no longer the one the plan was made from (what this plan's own runs
    changed does not count), when another apply works on the target, and when there is no space or
    no permission. Failures of tiles are in the report.
    """
    plan = read_plan(path)
    header, identity = plan.header, plan_id(path)
    if header.dataset != dataset:
        raise InputError(
            f"{path} is a plan of dataset '{header.dataset}', not of '{dataset}': "
            f"give --dataset {header.dataset}"
        )
    stores.get(header.source), stores.get(header.target)
    report = Report(identity, header.source, header.target)
    lineage = Lineage.of(data_dir, identity)
    part, parts = parse_shard(options.shard) if options.shard else (1, 1)
    shard = f"{part}/{parts}" if options.shard else ""
    working = work_on(data_dir, header.target, f"{identity} in {parts}", shared=bool(shard))
    with working, open_journal(data_dir, identity, shard) as journal:
        rows = part_of(plan.rows, shard)
        todo = not_finished(rows, journal.finished)
        report.before = rows.num_rows - todo.num_rows
        run = Run(data_dir, header, journal, lineage, report, say)
        run.merge()  # what a killed run had not come to
        if todo.num_rows:
            journal.looked(check_unchanged(data_dir, header, lineage))
            run.all(stores.get(header.source), stores.get(header.target), todo, options)
    old_journals.forget(data_dir)
    return report


@contextmanager
def work_on(data_dir: Path, target: str, division: str, *, shared: bool) -> Iterator[None]:
    """Hold the right to copy to a store, with `shared` among those of the same division of a plan.

    Its parts have no tile in common. Refused when another apply works there.
    """
    path, busy = data_dir / f".{target}.apply.lock", f"store '{target}' is being copied to"
    told = data_dir / f".{target}.apply.plan"
    with ExitStack() as held:
        try:
            with lock(data_dir, target):  # one at a time looks who is at work
                try:
                    with hold(path, busy):
                        told.write_text(division)
                except Refused:
                    if told.read_text() != division:
                        raise
                held.enter_context(hold(path, busy, shared=shared))
        except OSError as error:
            raise InputError(f"{told}: {error.strerror}") from error
        yield


def check_unchanged(data_dir: Path, header: Header, lineage: Lineage) -> dt.datetime:
    """Refuse a plan whose manifests have changed since, but by its own work.

    Returns when the whole target was last looked at.
    """
    source, target = (
        manifests.load(data_dir, name, header.dataset) for name in (header.source, header.target)
    )
    for role, name, manifest, as_planned in (
        ("source", header.source, source, source.digest == header.source_digest),
        ("target", header.target, target, lineage.has(header.target_digest, target.digest)),
    ):
        if not as_planned:
            about = manifest.about
            made = f"{about.how or 'made'} at {about.made:%Y-%m-%d %H:%M} UTC"
            raise Refused(
                f"the manifest of {role} '{name}' has changed since the plan was made "
                f"({header.created}): {about.changed or made}; make the plan again"
            )
    return target.about.made
