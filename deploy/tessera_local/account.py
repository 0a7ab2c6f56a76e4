"""The system user that a private cluster belongs to: root's servers run as `postgres`."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tessera_catalog.errors import InputError


def _account() -> pwd.struct_passwd | None:
    """The user a root process runs PostgreSQL as; None for everyone else, who runs it himself."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError as error:
        raise InputError(
            "PostgreSQL does not run as root and there is no user 'postgres': "
            "install PostgreSQL by its package, or use an ordinary user"
        ) from error


def run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a program as the cluster's user, with none of the caller's PG* settings."""
    account = _account()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env=environment | {"LC_ALL": "C.UTF-8"},
        user=account and account.pw_uid,
        group=account and account.pw_gid,
        extra_groups=None if account is None else [],
    )


def give(path: Path) -> None:
    """Let a file or folder belong to the cluster's user."""
    account = _account()
    if account is not None:
        os.chown(path, account.pw_uid, account.pw_gid)


def may_enter(folder: Path) -> bool:
    """Whether the cluster's user can reach what is in a folder."""
    return run(["test", "-x", str(folder)]).returncode == 0
