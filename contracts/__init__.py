"""What the services promise each other: events, roles, and what they ask over REST.

Importing this package declares every event.
"""

from contracts import accounts, auth, billing, tasks

__all__ = ["accounts", "auth", "billing", "tasks"]
