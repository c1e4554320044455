"""Which modules are swept, and why the others that run meanwhile are not.

A module that runs on the way and stands in neither list fails the sweep: whoever adds one
says what it is.
"""

from collections.abc import Iterable

# From the write and its event to the acknowledgement: all that begins, ends, or fills a
# transaction, hands a message on, or remembers that it was handed on.
SWEPT = frozenset(
    {
        "accounts.calendar_rules",
        "accounts.closing",
        "accounts.commands",
        "accounts.company_sums",
        "accounts.domain",
        "accounts.handlers",
        "accounts.jobs",
        "accounts.ledger",
        "analytics.commands",
        "analytics.handlers",
        "analytics.models",
        "analytics.standings",
        "bank.app",
        "bank.book",
        "bank.telling",
        "billing.answers",
        "billing.asking",
        "billing.attempts",
        "billing.card_keys",
        "billing.cards",
        "billing.claims",
        "billing.commands",
        "billing.domain",
        "billing.domain_cards",
        "billing.domain_moves",
        "billing.gateways.bank",
        "billing.gateways.calls",
        "billing.handlers",
        "billing.history",
        "billing.models",
        "billing.notices",
        "billing.old_book",
        "billing.returns",
        "billing.sending",
        "chassis.broker",
        "chassis.commits",
        "chassis.database",
        "chassis.deciding",
        "chassis.engines",
        "chassis.events",
        "chassis.housekeeping",
        "chassis.in_hand",
        "chassis.inbox",
        "chassis.jobs",
        "chassis.once",
        "chassis.outbox",
        "chassis.parking",
        "chassis.process",
        "chassis.rabbitmq.broker",
        "chassis.rabbitmq.consuming",
        "chassis.rabbitmq.link",
        "chassis.rabbitmq.publishing",
        "chassis.rabbitmq.topology",
        "chassis.relay",
        "chassis.rows",
        "chassis.runtime",
        "chassis.workers",
        "mailer.commands",
        "mailer.domain",
        "mailer.handlers",
        "mailer.jobs",
        "mailer.models",
        "tasks.actions",
        "tasks.commands",
        "tasks.domain",
        "tasks.jobs",
        "tasks.keys",
        "tasks.models",
        "tasks.shuffles",
    }
)

# What changes nothing by itself: a kill inside is the kill at the swept line that called it.
REQUEST = "it is before the request's only transaction or after it, and writes nothing"
VALUE = "it makes one value from another, within a line that is swept"
LOOK = "it only reads"
NOT_SWEPT = {
    "accounts.api": REQUEST,
    "accounts.days": LOOK,
    "accounts.models": VALUE,
    "accounts.shapes": VALUE,
    "accounts.statements": LOOK,
    "auth": LOOK + ": others ask auth who somebody is",
    "bank.faults": VALUE,
    "bank.server": VALUE,
    "billing.api": REQUEST,
    "billing.gateways": VALUE,
    "billing.key_rings": VALUE,
    "billing.opening": VALUE,
    "billing.resealing": LOOK + " where no key is changed, as here",
    "billing.vault": VALUE,
    "chassis.access": REQUEST,
    "chassis.clock": VALUE,
    "chassis.columns": VALUE,
    "chassis.database_errors": VALUE,
    "chassis.days": VALUE,
    "chassis.decisions": LOOK,
    "chassis.errors": REQUEST,
    "chassis.event_facts": LOOK,
    "chassis.figures": "its figures live and end with the process",
    "chassis.gathering": "it waits, before anything is begun",
    "chassis.guests": VALUE,
    "chassis.identity": REQUEST,
    "chassis.ids": VALUE,
    "chassis.keys": VALUE,
    "chassis.languages": REQUEST,
    "chassis.logs": VALUE,
    "chassis.masking": VALUE,
    "chassis.metrics": "its figures live and end with the process",
    "chassis.navigation": REQUEST,
    "chassis.openapi": REQUEST,
    "chassis.paging": VALUE,
    "chassis.prepared": VALUE,
    "chassis.rabbitmq.depths": LOOK,
    "chassis.reasons": VALUE,
    "chassis.refusals": VALUE,
    "chassis.remembering": REQUEST,
    "chassis.remote": LOOK + ", and never inside a transaction",
    "chassis.security": REQUEST,
    "chassis.service": VALUE,
    "chassis.settings": VALUE,
    "chassis.static_files": REQUEST,
    "chassis.status": REQUEST,
    "chassis.system": "it calls the services one after the other",
    "chassis.threads": LOOK,
    "chassis.together": LOOK,
    "chassis.upserts": VALUE,
    "chassis.tracing": VALUE,
    "chassis.web": REQUEST,
    "contracts": VALUE,
    "mailer.asking": LOOK + ", and never inside a transaction",
    "mailer.letters": LOOK,
    "mailer.templates": VALUE,
    "mailer.wording": VALUE,
    "popug.system": VALUE,
    "tasks.api": REQUEST,
    "tasks.board": LOOK,
    "tasks.candidates": LOOK,
    "tasks.drafts": VALUE,
}


def is_swept(module: str) -> bool:
    return module in SWEPT


def unnamed(modules: Iterable[str]) -> set[str]:
    """Modules that stand in neither list, by themselves or by the package they are in."""
    return {
        module
        for module in modules
        if module not in SWEPT
        and not any(module == name or module.startswith(f"{name}.") for name in NOT_SWEPT)
    }
