"""Limits on filters, kept before anything recursive sees them.

The parser of CQL2 text descends as deep as the text nests and takes the process with it where the
stack ends; pgSTAC spends about a tenth of a millisecond on each node.
"""

from __future__ import annotations

import re
from typing import Any

from tessera_api.errors import InvalidFilter
from tessera_api.geometries import MAX_VERTICES

MAX_CHARACTERS = 65_536
MAX_DEPTH = 32
"""Of brackets in text and of operators within operators; the parser stands a thousand."""

MAX_CHAIN = 256
"""Negations and arithmetic operators in a text: the parser descends for each of them too."""

MAX_NODES = 10_000
"""Operators, properties and literals of a filter; coordinates do not count."""

_LITERAL = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"")
_NESTING = re.compile(r"(?i)\bnot\b|\bdiv\b|[*/%^+]|-(?!\d)|(?<=[\w\")])\s*-(?=\d)")


def check_text(text: str) -> None:
    """InvalidFilter when a text is too long or nests too deep to be parsed."""
    if len(text) > MAX_CHARACTERS:
        raise InvalidFilter(f"the filter is longer than {MAX_CHARACTERS} characters")
    bare = _LITERAL.sub("''", text)
    depth = 0
    for bracket in re.findall(r"[()]", bare):
        depth += 1 if bracket == "(" else -1
        if depth > MAX_DEPTH:
            raise InvalidFilter(f"the filter nests deeper than {MAX_DEPTH} brackets")
    if len(_NESTING.findall(_without_coordinates(bare))) > MAX_CHAIN:
        raise InvalidFilter(f"the filter has more than {MAX_CHAIN} negations and calculations")


def _without_coordinates(text: str) -> str:
    """The text less innermost brackets that hold numbers only: their signs nest nothing."""
    return re.sub(r"\([-+\d.eE,\s]*\)", "()", text)


def check_tree(tree: Any) -> None:
    """InvalidFilter when a parsed filter is too deep or too large; does not recurse itself."""
    nodes = vertices = 0
    waiting = [(tree, 0)]
    while waiting:
        node, depth = waiting.pop()
        # An operator is an object with a list in it; below the last one lie coordinates.
        if depth > 2 * MAX_DEPTH + 8:
            raise InvalidFilter(f"the filter nests deeper than {MAX_DEPTH} operators")
        if isinstance(node, list) and node and all(isinstance(n, int | float) for n in node):
            vertices += 1
            children: list[Any] = node if len(node) > 6 else []
        elif isinstance(node, list):
            children = node
        else:
            children = list(node.values()) if isinstance(node, dict) else []
        nodes += 1
        if vertices > MAX_VERTICES:
            raise InvalidFilter(f"the filter has more than {MAX_VERTICES} vertices")
        if nodes - vertices > MAX_NODES:
            raise InvalidFilter(f"the filter has more than {MAX_NODES} parts")
        waiting.extend((child, depth + 1) for child in children)
