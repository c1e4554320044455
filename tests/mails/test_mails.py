"""No mail is lost, none goes astray, and one comes twice only where a kill or a cut explains it."""

import secrets
from collections import Counter
from collections.abc import Mapping
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests import rabbitmq
from tests.mails.campaign import MOMENTS, Campaign, Plan
from tests.mails.checker import wrong_with
from tests.mails.planted import recorded_before_it_is_sent
from tests.mails.post_office import Taken
from tests.mails.workers import Forked, Worker

MAILS, FEW_MAILS = 120, 70

needs_rabbitmq = pytest.mark.skipif(
    not rabbitmq.reachable(), reason="no RabbitMQ server to test against"
)


@needs_rabbitmq
def test_no_mail_is_lost_or_doubled_without_a_reason(tmp_path: Path) -> None:
    seed = secrets.randbelow(1_000_000)
    print(f"seed {seed}")
    plan = Plan(MAILS, kills=len(MOMENTS), mishaps=0.1, hurry=True, most_seconds=400, start=Forked)
    with rabbitmq.fresh_vhost() as url:
        outcome = Campaign(tmp_path, url, plan, seed).run(print)
    print(outcome)
    assert outcome.wrong == []
    assert set(outcome.kills) == set(MOMENTS), "each moment once, or it is no test"
    assert outcome.mishaps and outcome.unreachable


@needs_rabbitmq
def test_a_worker_that_notes_a_mail_before_it_sends_it_is_found_out(tmp_path: Path) -> None:
    def start(environment: Mapping[str, str], log: Path) -> Worker:
        return Forked(environment, log, recorded_before_it_is_sent)

    plan = Plan(FEW_MAILS, kills=1, mishaps=0, hurry=True, most_seconds=400, start=start)
    with rabbitmq.fresh_vhost() as url:
        outcome = Campaign(tmp_path, url, plan, seed=1).run(print)
    (lost,) = outcome.wrong
    assert lost.endswith("is lost")


def mail(address: str = "ann@popug.test", number: int = 1, **more: str) -> Taken:
    made = EmailMessage()
    heads = {"From": "p@popug.test", "To": address, "Subject": "x", "Date": "x"}
    heads |= {"Message-ID": f"<{number}@popug.test>", "Auto-Submitted": "x"} | more
    for name, value in heads.items():
        made[name] = value
    made.set_content("text")
    made.add_alternative("<p>html</p>", subtype="html")
    made["Content-Language"] = "en"
    return Taken([address], made.as_bytes().replace(b"\n", b"\r\n"))


ANN = {"<1@popug.test>": "ann@popug.test"}


@pytest.mark.parametrize(
    ("taken", "excused", "wrong"),
    [
        ([mail()], {}, []),
        ([mail(), mail()], {"<1@popug.test>": 1}, []),
        ([], {}, ["is lost"]),
        ([mail(), mail()], {}, ["came 2 times"]),
        ([mail(), mail()], {"<2@popug.test>": 1}, ["came 2 times"]),
        ([mail(), mail(number=2)], {}, ["nobody was to write", "went to", "names"]),
        ([mail("evil@popug.test")], {}, ["went to", "names"]),
        ([mail(Bcc="evil@popug.test")], {}, ["its head"]),
        ([Taken(["ann@popug.test", "evil@popug.test"], mail().content)], {}, ["went to"]),
        ([Taken(["ann@popug.test"], mail().content.replace(b"<p>", b"<script>"))], {}, ["HTML"]),
    ],
)
def test_the_checker_finds_what_is_wrong(
    taken: list[Taken], excused: dict[str, int], wrong: list[str]
) -> None:
    found = wrong_with(ANN, taken, Counter(excused))
    assert len(found) == len(wrong)
    assert all(part in sentence for part, sentence in zip(wrong, found, strict=True))
