"""Payouts to a bank with all its faults, from a worker that is killed (`make payouts`)."""
