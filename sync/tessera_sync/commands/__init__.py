"""The verbs: each module reads its options, calls the library, prints and returns an exit code."""
