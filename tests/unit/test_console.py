"""Pages that are run: what counts as the output a page shows, and what does not."""

from __future__ import annotations

import os
from pathlib import Path

import console
import pytest

PAGE = """
Text with `code`, and a file:

```toml stores.toml
root = "/srv/a"
```

```console
$ cat stores.toml
root = "/srv/a"
$ export WORD=kept; cd ..; cd -
…
$ echo $WORD '
> and more'
kept
and more
$ false
$ echo $?
1
```

```python
not a console
```
"""


def rehearse(folder: Path, page: str, timeout: float = 20) -> None:
    path = folder / "page.md"
    path.write_text(page)
    console.rehearse(path, folder, os.environ, {"/srv": str(folder)}, timeout)


def test_a_page_that_is_true(tmp_path: Path) -> None:
    rehearse(tmp_path, PAGE)
    assert (tmp_path / "stores.toml").read_text() == f'root = "{tmp_path}/a"\n'


@pytest.mark.parametrize(
    ("page", "why"),
    [
        (PAGE.replace("kept\nand", "lost\nand"), r"page.md:13: (?s:.*)-lost(?s:.*)\+kept"),
        (PAGE.replace("$ echo $?\n1\n", ""), r"\$ false\nexit code 1"),
        (PAGE.replace("kept\nand more", "kept"), r"\+and more"),
        (PAGE.replace("$ false", "$ exit 1"), "the shell ended there"),
        ("```console\n$ echo 'unfinished\n```\n", "unexpected EOF"),
        ("```console\n$ sleep 60\n```\n", "not done in 0.2 s"),
    ],
)
def test_a_page_that_is_not(tmp_path: Path, page: str, why: str) -> None:
    with pytest.raises(AssertionError, match=why):
        rehearse(tmp_path, page, timeout=0.2 if "sleep" in page else 20)


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("as of 2 min 3 s ago", "as of under 1 s ago", True),
        ("done (2.3 s)", "done (14 s)", True),
        ("moved 3 kB in 1 s, 2.5 kB/s", "moved 3 kB in 4 s, 812 bytes/s", True),
        ("moved 3 kB in 1 s, 2.5 kB/s", "moved 4 kB in 1 s, 2.5 kB/s", False),
        ("a\n…\nd", "a\nb\nc\nd", True),
        ("a\n…\nd", "a\nd", True),
        ("a\n…\nd", "a\nb", False),
        ("plan … saved", "plan 42 saved", True),
        ("plan … saved", "plan 42", False),
        ("", "anything", False),
        ("1.5 (", "1.5 (", True),
        ("1.5", "105", False),
    ],
)
def test_what_may_differ(shown: str, printed: str, same: bool) -> None:
    assert console.agrees(shown, printed) is same
