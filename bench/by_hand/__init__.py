"""The same work as Popug's, written by hand on the drivers alone: the limit, and the naive way."""
