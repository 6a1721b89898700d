"""Whether two checkouts compute the same: see `__main__`."""
