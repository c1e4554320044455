"""Servers of a test's own, which it may kill, stop and strangle: nobody else uses them."""
