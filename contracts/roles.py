"""The four roles of UberPopug Inc. (contract, section 3)."""

WORKER = "worker"
ACCOUNTANT = "accountant"
MANAGER = "manager"
ADMIN = "admin"

ROLES = (WORKER, ACCOUNTANT, MANAGER, ADMIN)
# Tasks land on everyone who neither manages nor administers (rule 2).
CANDIDATES = frozenset({WORKER, ACCOUNTANT})
# Who may see and correct everybody's money.
BOOKKEEPERS = frozenset({ACCOUNTANT, ADMIN})
# Who hands tasks out and reads analytics.
MANAGEMENT = frozenset({MANAGER, ADMIN})
