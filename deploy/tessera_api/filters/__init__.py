"""CQL2 filters: bounded, parsed, typed, and put into the dialect pgSTAC answers rightly.

`parse` makes a tree of a filter in either encoding; `rewrite` makes of the tree what pgSTAC takes.
Whatever is not supported is an InvalidFilter that names it.
"""
