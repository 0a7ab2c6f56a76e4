"""The verb `notify`."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from tessera_catalog.errors import (
    EXIT_FAILURES,
    EXIT_OK,
    EXIT_SOMETHING_TO_DO,
    InputError,
)
from tessera_sync.commands import options
from tessera_sync.commands.options import AsJson, Setup, Where
from tessera_sync.commands.working import show_failures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tessera_sync.gaps import Limits
    from tessera_sync.hooks import Hook
    from tessera_sync.notify import Report


def notify(
    command: Annotated[
        str | None,
        typer.Option(metavar="COMMAND", help="program with its arguments; no shell runs it"),
    ] = None,
    webhook: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            envvar="TESSERA_WEBHOOK",
            help="https address to send it to (a token in it is better kept in the variable)",
        ),
    ] = None,
    max_age: Annotated[
        str | None, typer.Option(metavar="AGE", help="tell of manifests older than 36h, 2d, 1w")
    ] = None,
    verified_within: Annotated[
        str | None, typer.Option(metavar="AGE", help="tell of tiles not verified for 45d")
    ] = None,
    timeout: Annotated[
        float, typer.Option(min=0.1, max=3600, metavar="SECONDS", help="for a hook, or a try of it")
    ] = 30.0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="show what would be told, and tell nobody")
    ] = False,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="exit with 10 when something is worse")
    ] = False,
    *,
    as_json: AsJson = False,
    where: Where,
) -> int:
    r"""Tell somebody when gaps appear or grow.

    Each store is compared with the primary, by year: missing, stale and incomplete tiles. What is
    more than was told last is handed to a program on its stdin, sent to a web address by POST, or
    both, as JSON; what has not changed is not told again. A hook that fails is told again by the
    next run, and so are then the others. Both may stand in stores.toml, in [notify].

    \b
    1. By a program:         tessera-sync notify --command /usr/local/bin/mail-gaps
    2. To a chat:            TESSERA_WEBHOOK=https://… tessera-sync notify --max-age 2d
    3. Only look:            tessera-sync notify --dry-run
    """
    at = where.setup()
    limits = _limits(max_age, verified_within)
    hooks = _hooks(at, command, webhook, timeout)
    report = _looked(at, limits) if dry_run else _told(at, limits, hooks)
    if as_json:
        failed = [{"hook": name, "why": why} for name, why in report.failed]
        options.print_json(report.document() | {"told": report.told, "failed": failed})
    else:
        _show(report)
    show_failures("not told", report.failed)
    if report.failed:
        return EXIT_FAILURES
    return EXIT_SOMETHING_TO_DO if exit_code and report.worse else EXIT_OK


def _limits(max_age: str | None, verified_within: str | None) -> Limits:
    from tessera_sync.gaps import Limits
    from tessera_sync.texts import parse_age

    return Limits(
        parse_age("--max-age", max_age) if max_age else None,
        parse_age("--verified-within", verified_within) if verified_within else None,
    )


def _hooks(at: Setup, command: str | None, webhook: str | None, seconds: float) -> list[Hook]:
    """The hooks of the options, else of the configuration."""
    from tessera_sync.hooks import Program, Webhook

    configured = at.stores.notify
    try:
        words = configured.command if command is None else tuple(shlex.split(command))
    except ValueError as error:
        raise InputError(f"--command: {error}") from error
    url = webhook or configured.webhook
    hooks: list[Hook] = []
    if words or command is not None:
        hooks.append(Program(words, seconds))
    if url:
        hooks.append(Webhook(url, seconds))
    return hooks


def _looked(at: Setup, limits: Limits) -> Report:
    from tessera_sync.notify import look

    return look(at.data_dir, at.stores, at.dataset, limits)


def _told(at: Setup, limits: Limits, hooks: Sequence[Hook]) -> Report:
    from tessera_sync.notify import notify as tell

    if not hooks:
        raise InputError(
            "whom to tell? Give --command or --webhook, or set one in [notify] of stores.toml; "
            "--dry-run only looks"
        )
    return tell(at.data_dir, at.stores, at.dataset, limits, hooks)


def _show(report: Report) -> None:
    for gap in report.worse:
        print(report.line(gap))
    if not report.worse:
        known = f"; {len(report.gaps):,} told before remain" if report.gaps else ""
        print(f"nothing is worse than what was told{known}")
    if report.told:
        options.note(f"told: {', '.join(report.told)}")
