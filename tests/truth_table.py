"""What a tile is, case by case: what the source knows of it, what the target does, its state."""

from __future__ import annotations

from manifest_rows import Row, row, sha

HASHED = row(1000, 100, sha(1), sha(2))

TABLE: list[tuple[str, Row | None, Row | None, str]] = [
    ("only the source has it", row(), None, "missing"),
    ("only the target has it", None, row(), "extra"),
    ("only the target, in part", None, row(scales=0), "extra"),
    ("equal sizes", row(), row(), "same"),
    ("embeddings of another size", row(1000), row(1001), "stale"),
    ("scales of another size", row(scales=100), row(scales=99), "stale"),
    ("equal hashes", HASHED, HASHED, "same"),
    ("another hash of the embeddings", HASHED, row(1000, 100, sha(9), sha(2)), "stale"),
    ("another hash of the scales", HASHED, row(1000, 100, sha(1), sha(9)), "stale"),
    ("one hash in common, equal", HASHED, row(1000, 100, sha(1), None), "same"),
    ("one hash in common, another", HASHED, row(1000, 100, sha(9), None), "stale"),
    ("no hash in common", row(1000, 100, sha(1)), row(1000, 100, None, sha(2)), "same"),
    ("target knows no hash", HASHED, row(), "same"),
    ("source knows no size", row(None, None), row(5, 5), "same"),
    ("target knows no size", row(), row(None, None), "same"),
    ("one size unknown, the other differs", row(None, 100), row(5, 99), "stale"),
    ("hash differs where sizes are unknown", row(None, None, sha(1)), row(5, 5, sha(2)), "stale"),
    ("target lacks scales", row(), row(scales=0), "incomplete"),
    ("target's embeddings have no bytes", row(), row(0), "incomplete"),
    ("target incomplete, source's size unknown", row(None, None), row(0, None), "incomplete"),
    ("target incomplete, and a hash differs", HASHED, row(1000, 0, sha(9)), "incomplete"),
    ("target incomplete, and a size differs", row(), row(999, 0), "incomplete"),
    ("source lacks scales, target has nothing", row(scales=0), None, "broken"),
    ("source lacks scales, target is whole", row(scales=0), row(), "broken"),
    ("both lack scales", row(scales=0), row(scales=0), "broken"),
    ("source's embeddings have no bytes", row(0), row(), "broken"),
    ("source broken, target unknown", row(0), row(None, None), "broken"),
]
