"""Popug itself: which services it is made of, its command line, demo and reconciliation.

The only package that knows all services; no service knows another one.
"""
