"""Files that take another's place: whole, and with nothing left of writers that were killed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tessera_catalog.atomic import replacing

_DIES = """
import os, signal, sys
from pathlib import Path
from tessera_catalog.atomic import replacing
with replacing(Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_next_writer_removes_what_a_killed_one_left(tmp_path: Path) -> None:
    path = tmp_path / "plan [1].parquet"
    path.write_text("before")
    subprocess.run([sys.executable, "-c", _DIES, path], check=False)
    assert len(list(tmp_path.iterdir())) == 2
    assert path.read_text() == "before"
    with replacing(path) as temporary:
        temporary.write_text("after")
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_text() == "after"


def test_writers_of_one_file_leave_each_other_alone(tmp_path: Path) -> None:
    path = tmp_path / "plan.parquet"
    with replacing(path) as first:
        first.write_text("first")
        with replacing(path) as second:
            second.write_text("second")
    assert path.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]


def test_files_that_are_called_alike_are_left_alone(tmp_path: Path) -> None:
    other = tmp_path / ".planets.parquet.1-a.tmp"
    other.touch()
    with replacing(tmp_path / "plan.parquet") as temporary:
        temporary.write_text("whole")
    assert other.exists()


def test_a_pipe_is_written_into_and_stays(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with replacing(pipe) as place:
            place.write_text("told")
        assert os.read(reader, 10) == b"told"
        assert pipe.is_fifo()
    finally:
        os.close(reader)
