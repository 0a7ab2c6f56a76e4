"""The steps of a plan done by a Dask cluster whose workers reach both stores.

Workers get a batch of steps and give back its outcomes; the journal stays here. The scheduler does
a lost worker's batch again: tiles it had brought are found in place, compared, and not copied.
Credentials are each worker's own; none is sent.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, TypeVar

from tessera_catalog.errors import Failed, InputError, Refused
from tessera_catalog.stores import Store
from tessera_sync.attempts import Policy
from tessera_sync.carry import Outcome, Sink, carry
from tessera_sync.pool import Stop, run, spread
from tessera_sync.progress import Course, course
from tessera_sync.steps import Step
from tessera_sync.storage import UPLOAD_TIMEOUT, check_room, open_storage
from tessera_sync.version import version

T = TypeVar("T")

WAIT_SECONDS = 60
"""How long to wait for the scheduler, and for a first worker."""

AHEAD = 2
"""Batches under way for each thread of the cluster, so that no worker waits for its next one."""


async def carry_on_cluster(
    address: str,
    source: Store,
    target: Store,
    coming: int,
    jobs: int,
    policy: Policy,
    steps: Iterator[Step],
    bar: Course,
    sink: Sink,
    stop: Stop,
) -> None:
    """As `carry`, by the cluster at `address`: batches of `jobs` steps, each done all at once.

    `coming` bytes must have room in the target. Failed when the cluster cannot be had, or is lost.
    """
    distributed = _dask(address)
    how = {"attempts": policy.attempts, "stall": policy.stall, "backoff": policy.backoff}
    try:
        async with distributed.Client(
            address, asynchronous=True, timeout=WAIT_SECONDS, set_as_default=False
        ) as client:
            await client.wait_for_workers(1, timeout=WAIT_SECONDS)
            workers = _Workers(address, client)
            await workers.do(_check_room, target, coming)

            async def one(batch: list[Step]) -> None:
                for outcome in await workers.do(_do_batch, source, target, batch, jobs, how):
                    bar.moved(0 if outcome.failure else outcome.step.bytes)
                    bar.finished()
                    await sink(outcome)

            threads = sum((await client.nthreads()).values())
            await spread(_batches(steps, jobs), AHEAD * threads, one, stop)
    except OSError as error:
        raise Failed(f"Dask cluster {address}: {_first_line(error)}") from error


def _dask(address: str) -> Any:
    """Dask's package, told to be quiet; InputError without it, or when that is no address."""
    try:
        import distributed
    except ImportError as error:
        raise InputError("--dask needs Dask: in the checkout, pip install '.[dask]'") from error
    if not re.fullmatch(r"(tcp|tls|ws|wss)://\S+:\d+/?", address):
        raise InputError(f"--dask {address}: it must be a scheduler's address, tcp://host:8786")
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # it would print tracebacks
    return distributed


class _Workers:
    """The workers of a cluster, any of which may be given work."""

    def __init__(self, address: str, client: Any) -> None:
        self._address = address
        self._client = client
        self._version = version()

    async def do(self, function: Callable[..., T], *work: Any) -> T:
        """The result of a function on some worker, again on another one if that is lost.

        The function is given the version of this machine first.
        """
        import distributed

        future = self._client.submit(function, self._version, *work, pure=False)
        try:
            result: T = await future.result()
        except distributed.client.FutureCancelledError as error:
            raise Failed(
                f"Dask cluster {self._address} was lost; what it did last is unknown"
            ) from error
        except distributed.KilledWorker as error:
            raise Failed(f"Dask cluster {self._address}: {_first_line(error)}") from error
        except ModuleNotFoundError as error:
            raise Failed(f"the workers of {self._address} lack tessera-stac: {error}") from error
        return result


def _check_room(wanted: str, target: Store, coming: int) -> None:
    """On a worker: refuse a target that cannot take the plan."""
    _same_version(wanted)
    check_room(open_storage(target), coming)


def _do_batch(
    wanted: str, source: Store, target: Store, batch: list[Step], jobs: int, how: dict[str, Any]
) -> list[Outcome]:
    """On a worker: do some steps and tell what became of them."""
    _same_version(wanted)
    ours, theirs = (open_storage(s, request_timeout=UPLOAD_TIMEOUT) for s in (source, target))
    outcomes: list[Outcome] = []

    async def keep(outcome: Outcome) -> None:
        outcomes.append(outcome)

    with course("", len(batch), 0, quiet=True) as bar:
        run(carry(ours, theirs, jobs, Policy(**how), iter(batch), bar, keep, Stop()))
    return outcomes


def _same_version(wanted: str) -> None:
    here = version()
    if here != wanted:
        raise Refused(f"a worker has tessera-stac {here}, this machine {wanted}")


def _batches(steps: Iterator[Step], size: int) -> Iterator[list[Step]]:
    while batch := list(islice(steps, size)):
        yield batch


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or ["no answer in time"])[0][:300]
