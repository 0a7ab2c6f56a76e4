-- Give free the room of the rows of {tiles} that were replaced, and mark what all may see in both.
VACUUM {tiles}, {replicas}
