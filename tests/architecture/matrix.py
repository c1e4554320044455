"""Who may do what: section 3 of the contract for every route of section 4 and of the pages.

Written from the contract, not read from the code. Paths are as nginx sees them; `""` is
the front door.
"""

from dataclasses import dataclass

EVERYBODY = frozenset({"nobody", "worker", "accountant", "manager", "admin"})
SIGNED_IN = EVERYBODY - {"nobody"}
MANAGEMENT = frozenset({"manager", "admin"})
BOOKKEEPERS = frozenset({"accountant", "admin"})
COMPANY = frozenset({"accountant", "manager", "admin"})
ADMINS = frozenset({"admin"})

EVERY_SERVICE = {
    "GET /static/<path:filename>": EVERYBODY,
    "GET /bootstrap/static/<path:filename>": EVERYBODY,
    "GET /api/openapi.json": EVERYBODY,
    "GET /healthz": EVERYBODY,
    "GET /readyz": EVERYBODY,
    "GET /metrics": EVERYBODY,
    "GET /status": ADMINS,
    "GET /statusz": ADMINS,
    "GET /eventsz": ADMINS,
    "GET /parked": ADMINS,
    "POST /parked/retry": ADMINS,
    "GET /parked/groups/<key>": ADMINS,
    "POST /parked/groups/<key>/retry": ADMINS,
    "POST /parked/groups/<key>/drop": ADMINS,
    "GET /parked/events/<number>": ADMINS,
    "POST /parked/events/<number>/retry": ADMINS,
    "POST /parked/events/<number>/drop": ADMINS,
    "GET /parked/decisions": ADMINS,
    "GET /parked/decisions/<decision_id>": ADMINS,
    "GET /api/v1/parked": ADMINS,
    "GET /api/v1/parked/groups": ADMINS,
    "POST /api/v1/parked/groups/<key>/retry": ADMINS,
    "POST /api/v1/parked/groups/<key>/drop": ADMINS,
    "GET /api/v1/parked/events/<number>": ADMINS,
    "POST /api/v1/parked/events/<number>/retry": ADMINS,
    "POST /api/v1/parked/events/<number>/drop": ADMINS,
    "GET /api/v1/parked/decisions": ADMINS,
    "GET /api/v1/parked/decisions/<decision_id>": ADMINS,
}

ROUTES = {
    "": {
        "GET /": EVERYBODY,
        "GET /status": ADMINS,
    },
    "auth": {
        "GET /": EVERYBODY,
        "GET /login": EVERYBODY,
        "POST /login": EVERYBODY,
        "GET /logout": EVERYBODY,
        "POST /logout": EVERYBODY,
        "GET /.well-known/jwks.json": EVERYBODY,
        "GET /me": SIGNED_IN,
        "POST /me/language": SIGNED_IN,
        "POST /me/password": SIGNED_IN,
        "POST /me/sessions/<session_id>/end": SIGNED_IN,
        "POST /me/sessions/end-others": SIGNED_IN,
        "GET /users": ADMINS,
        "GET /users/new": ADMINS,
        "POST /users/new": ADMINS,
        "GET /users/<user_id>": ADMINS,
        "POST /users/<user_id>": ADMINS,
        "POST /users/<user_id>/password": ADMINS,
        "POST /users/<user_id>/sessions/<session_id>/end": ADMINS,
        "POST /users/<user_id>/sessions/end": ADMINS,
        "POST /api/v1/login": EVERYBODY,
        "POST /api/v1/logout": SIGNED_IN,
        "GET /api/v1/users/me": SIGNED_IN,
        "GET /api/v1/users": SIGNED_IN,
        "POST /api/v1/users": ADMINS,
        "GET /api/v1/users/<user_id>": SIGNED_IN,
        "PATCH /api/v1/users/<user_id>": ADMINS,
    },
    "tasks": {
        "GET /": SIGNED_IN,
        "POST /": SIGNED_IN,
        "GET /board": SIGNED_IN,
        "GET /<task_id>": SIGNED_IN,
        "GET /<task_id>/journey": ADMINS,
        "POST /<task_id>/close": SIGNED_IN,
        "POST /<task_id>/reassign": MANAGEMENT,
        "POST /hand-over": MANAGEMENT,
        "GET /shuffles/new": MANAGEMENT,
        "POST /shuffles": MANAGEMENT,
        "GET /shuffles/<shuffle_id>": MANAGEMENT,
        "GET /api/v1/tasks": SIGNED_IN,
        "POST /api/v1/tasks": SIGNED_IN,
        "GET /api/v1/tasks/<task_id>": SIGNED_IN,
        "POST /api/v1/tasks/<task_id>/close": SIGNED_IN,
        "POST /api/v1/tasks/<task_id>/reassign": MANAGEMENT,
        "POST /api/v1/shuffles": MANAGEMENT,
        "GET /api/v1/shuffles/<shuffle_id>": MANAGEMENT,
    },
    "accounts": {
        "GET /": SIGNED_IN,
        "GET /company": COMPANY,
        "GET /users": BOOKKEEPERS,
        "GET /users/<user_id>": BOOKKEEPERS,
        "GET /statement.csv": SIGNED_IN,
        "GET /users/<user_id>/statement.csv": BOOKKEEPERS,
        "GET /days": BOOKKEEPERS,
        "GET /days/<day>": BOOKKEEPERS,
        "GET /days/<day>/close": BOOKKEEPERS,
        "POST /days/<day>/close": BOOKKEEPERS,
        "GET /payslips/me/<day>": SIGNED_IN,
        "GET /payslips/me/<day>.pdf": SIGNED_IN,
        "GET /payslips/<user_id>/<day>": BOOKKEEPERS,
        "GET /payslips/<user_id>/<day>.pdf": BOOKKEEPERS,
        "GET /transactions/<transaction_id>/reverse": BOOKKEEPERS,
        "POST /transactions/<transaction_id>/reverse": BOOKKEEPERS,
        "GET /api/v1/accounts/me": SIGNED_IN,
        "GET /api/v1/accounts/<user_id>": BOOKKEEPERS,
        "GET /api/v1/accounts/me/transactions": SIGNED_IN,
        "GET /api/v1/accounts/<user_id>/transactions": BOOKKEEPERS,
        "POST /api/v1/reversals": BOOKKEEPERS,
        "GET /api/v1/company": COMPANY,
        "GET /api/v1/days/<day>": BOOKKEEPERS,
        "POST /api/v1/days/<day>/close": BOOKKEEPERS,
        "GET /api/v1/payouts": BOOKKEEPERS,
        "GET /api/v1/reconciliation": BOOKKEEPERS,
    },
    "billing": {
        "GET /": SIGNED_IN,
        "POST /card": SIGNED_IN,
        "POST /card/remove": SIGNED_IN,
        "GET /payouts": BOOKKEEPERS,
        "GET /payouts/<payout_id>": BOOKKEEPERS,
        "POST /payouts/<payout_id>/retry": BOOKKEEPERS,
        "POST /payouts/<payout_id>/cancel": BOOKKEEPERS,
        "GET /payouts/claims": BOOKKEEPERS,
        "POST /webhooks/<gateway>": EVERYBODY,
        "POST /payouts/<payout_id>/decide": BOOKKEEPERS,
        "POST /payouts/<payout_id>/settle": BOOKKEEPERS,
        "POST /payouts/<payout_id>/ask": BOOKKEEPERS,
        "GET /reports": BOOKKEEPERS,
        "GET /reports/<day>": BOOKKEEPERS,
        "GET /cards/shared": BOOKKEEPERS,
        "GET /reconciliation": BOOKKEEPERS,
        "PUT /api/v1/cards/me": SIGNED_IN,
        "GET /api/v1/cards/<user_id>": BOOKKEEPERS,
        "DELETE /api/v1/cards/me": SIGNED_IN,
        "GET /api/v1/payouts": SIGNED_IN,
        "GET /api/v1/payouts/<payout_id>": BOOKKEEPERS,
        "POST /api/v1/payouts/<payout_id>/retry": BOOKKEEPERS,
        "POST /api/v1/payouts/<payout_id>/cancel": BOOKKEEPERS,
        "POST /api/v1/payouts/<payout_id>/decide": BOOKKEEPERS,
        "POST /api/v1/payouts/<payout_id>/settle": BOOKKEEPERS,
        "POST /api/v1/payouts/<payout_id>/ask": BOOKKEEPERS,
        "GET /api/v1/reports": BOOKKEEPERS,
        "GET /api/v1/reports.csv": BOOKKEEPERS,
        "GET /api/v1/reports.xlsx": BOOKKEEPERS,
        "GET /api/v1/reports/<day>": BOOKKEEPERS,
        "GET /api/v1/reports/<day>.json": BOOKKEEPERS,
        "GET /api/v1/reports/<day>.csv": BOOKKEEPERS,
        "GET /api/v1/reports/<day>.xlsx": BOOKKEEPERS,
    },
    "mailer": {
        "GET /": SIGNED_IN,
        "GET /mails/<mail_id>": ADMINS,
        "GET /mails/<mail_id>/html": ADMINS,
        "POST /mails/<mail_id>/resend": ADMINS,
        "POST /preferences": SIGNED_IN,
        "GET /api/v1/mails": SIGNED_IN,
        "GET /api/v1/payout-mails": ADMINS,
        "GET /api/v1/mails/<mail_id>": ADMINS,
        "POST /api/v1/mails/<mail_id>/resend": ADMINS,
        "GET /api/v1/preferences/me": SIGNED_IN,
        "PUT /api/v1/preferences/me": SIGNED_IN,
    },
    "analytics": {
        "GET /": MANAGEMENT,
        "GET /charts/profit.svg": MANAGEMENT,
        "GET /charts/losers.svg": MANAGEMENT,
        "GET /api/v1/days": MANAGEMENT,
        "GET /api/v1/top-task": MANAGEMENT,
    },
}

# Routes to a thing of somebody else's: who may not see it hears 404, as if it were not there.
HIDDEN = {
    "accounts": {
        "GET /payslips/<user_id>/<day>",
        "GET /payslips/<user_id>/<day>.pdf",
        "GET /api/v1/accounts/<user_id>",
        "GET /api/v1/accounts/<user_id>/transactions",
    },
    "billing": {
        "GET /payouts/<payout_id>",
        "GET /api/v1/payouts/<payout_id>",
        "GET /api/v1/cards/<user_id>",
    },
    "mailer": {
        "GET /mails/<mail_id>",
        "GET /mails/<mail_id>/html",
        "GET /api/v1/mails/<mail_id>",
    },
}

# What section 4 names, as a browser or a program would ask for it.
CONTRACT = (
    "GET /",
    "GET /auth/login",
    "GET /auth/logout",
    "GET /auth/me",
    "GET /auth/users",
    "GET /tasks/",
    "GET /tasks/board",
    "GET /tasks/t1",
    "GET /tasks/shuffles/s1",
    "GET /accounts/",
    "GET /accounts/company",
    "GET /accounts/users/u1",
    "GET /accounts/days",
    "GET /billing/",
    "GET /billing/payouts",
    "GET /billing/reports/2026-03-10",
    "GET /mailer/",
    "GET /analytics/",
    "GET /status",
    "POST /auth/api/v1/login",
    "POST /auth/api/v1/logout",
    "GET /auth/api/v1/users/me",
    "GET /auth/api/v1/users",
    "GET /auth/api/v1/users/u1",
    "PATCH /auth/api/v1/users/u1",
    "POST /auth/api/v1/users",
    "GET /auth/.well-known/jwks.json",
    "POST /tasks/api/v1/tasks",
    "GET /tasks/api/v1/tasks",
    "GET /tasks/api/v1/tasks/t1",
    "POST /tasks/api/v1/tasks/t1/close",
    "POST /tasks/api/v1/tasks/t1/reassign",
    "POST /tasks/api/v1/shuffles",
    "GET /tasks/api/v1/shuffles/s1",
    "GET /accounts/api/v1/accounts/me",
    "GET /accounts/api/v1/accounts/u1",
    "GET /accounts/api/v1/accounts/me/transactions",
    "GET /accounts/api/v1/accounts/u1/transactions",
    "POST /accounts/api/v1/reversals",
    "GET /accounts/api/v1/company",
    "POST /accounts/api/v1/days/2026-03-10/close",
    "GET /accounts/api/v1/days/2026-03-10",
    "GET /accounts/api/v1/reconciliation",
    "PUT /billing/api/v1/cards/me",
    "GET /billing/api/v1/payouts",
    "GET /billing/api/v1/payouts/p1",
    "POST /billing/api/v1/payouts/p1/retry",
    "POST /billing/api/v1/payouts/p1/cancel",
    "GET /billing/api/v1/reports/2026-03-10",
    "GET /billing/api/v1/reports/2026-03-10.json",
    "GET /billing/api/v1/reports/2026-03-10.csv",
    "GET /billing/api/v1/reports/2026-03-10.xlsx",
    "POST /billing/webhooks/sandbox",
    "GET /mailer/api/v1/mails",
    "GET /mailer/api/v1/mails/m1",
    "POST /mailer/api/v1/mails/m1/resend",
    "GET /analytics/api/v1/days",
    "GET /analytics/api/v1/top-task",
    *(
        f"GET /{service}/{path}"
        for service in ("auth", "tasks", "accounts", "billing", "mailer", "analytics")
        for path in ("healthz", "readyz", "metrics", "api/openapi.json")
    ),
)


@dataclass(frozen=True)
class Line:
    """One route and who may use it. `rule` is Flask's, below the service's prefix."""

    service: str
    method: str
    rule: str
    may: frozenset[str]

    @property
    def hidden(self) -> bool:
        return f"{self.method} {self.rule}" in HIDDEN.get(self.service, ())

    def __str__(self) -> str:
        prefix = f"/{self.service}" if self.service else ""
        return f"{self.method} {prefix}{self.rule}"


LINES = tuple(
    Line(service, route.split(" ")[0], route.split(" ")[1], may)
    for service, own in ROUTES.items()
    for route, may in (own | (EVERY_SERVICE if service else {})).items()
)
