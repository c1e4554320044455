"""The sandbox bank: an HTTP service of its own that pays nobody, and misbehaves on demand.

It is no part of Popug: it keeps a book of its own in a file of its own, knows nothing of
payouts, and is asked as a real bank would be (`app`). `faults` says how it may misbehave.
"""
