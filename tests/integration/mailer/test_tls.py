"""Mails and passwords over TLS: only to a server whose certificate is good."""

from collections.abc import Callable
from pathlib import Path

import pytest

from chassis.settings import SettingsRefused
from tests.certificates import Authority, self_signed
from tests.integration.mailer.conftest import mails_of, requested
from tests.mails.post_office import PostOffice
from tests.support import Workbench

AtWork = Callable[..., Workbench]

# Some servers here have no TLS, and want a password all the same.
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")

# On this machine too, but none of the names by which a machine trusts itself.
ELSEWHERE = "127.0.0.2"


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """The only one that is trusted, as an operator with a private one sets it."""
    made = Authority.in_folder(tmp_path / "authority")
    monkeypatch.setenv("SSL_CERT_FILE", str(made.trusted))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "nothing"))
    return made


def sent_by(at_work: AtWork, url: str) -> tuple[str, str]:
    """Status of a mail after one try, and what its page says of it to an admin."""
    bench = at_work(smtp_url=url)
    bench.hear(requested())
    bench.settle()
    (mail,) = mails_of(bench)
    return mail["status"], bench.client("admin").get(f"/mailer/mails/{mail['id']}").text


@pytest.mark.parametrize("tls", ["smtps", "starttls"])
@pytest.mark.parametrize("host", ["127.0.0.1", ELSEWHERE])
def test_a_mail_goes_over_tls_after_signing_in(
    at_work: AtWork, authority: Authority, tmp_path: Path, tls: str, host: str
) -> None:
    certificate = authority.sign(tmp_path, host)
    with PostOffice(tls, certificate, signs_in=True, host=host) as office:
        assert sent_by(at_work, office.url)[0] == "sent"
    (taken,) = office.taken
    assert (taken.receivers, office.sign_ins) == (["ann@example.com"], 1)
    assert taken.message["Subject"].endswith("is on its way: $12.50")


WRONG: dict[str, tuple[Callable[[Authority, Path], tuple[Path, Path]], str]] = {
    "of nobody we trust": (lambda _, folder: self_signed(folder), "self-signed certificate"),
    "of another authority": (
        lambda _, folder: Authority.in_folder(folder / "other").sign(folder),
        "unable to get local issuer certificate",
    ),
    "of another server": (lambda ca, folder: ca.sign(folder, "192.0.2.1"), "IP address mismatch"),
    "of last week": (lambda ca, folder: ca.sign(folder, days=-7), "certificate has expired"),
}


@pytest.mark.parametrize("tls", ["smtps", "starttls"])
@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_certificate_is_refused_before_the_password_is_said(
    at_work: AtWork, authority: Authority, tmp_path: Path, tls: str, wrong: str
) -> None:
    make, why = WRONG[wrong]
    with PostOffice(tls, make(authority, tmp_path), signs_in=True) as office:
        status, page = sent_by(at_work, office.url)
    assert (status, office.taken, office.sign_ins) == ("queued", [], 0)
    assert f"127.0.0.1: its certificate is not trusted: {why}" in page


def test_a_wrong_certificate_is_refused_also_where_none_is_required(
    at_work: AtWork, authority: Authority, tmp_path: Path
) -> None:
    with PostOffice("starttls", self_signed(tmp_path)) as office:
        status, page = sent_by(at_work, office.url)
    assert (status, office.taken) == ("queued", []) and "is not trusted" in page


@pytest.mark.parametrize("signs_in", [True, False])
def test_without_tls_nothing_is_said_to_another_machine_that_must_have_it(
    at_work: AtWork, signs_in: bool
) -> None:
    with PostOffice(signs_in=signs_in, host=ELSEWHERE) as office:
        url = office.url if signs_in else f"{office.url}?tls=required"
        status, page = sent_by(at_work, url)
    assert (status, office.taken, office.sign_ins) == ("queued", [], 0)
    assert "127.0.0.2: offers no TLS, so neither password nor mail is sent" in page


def test_without_tls_and_password_a_server_that_offers_none_takes_mails(at_work: AtWork) -> None:
    with PostOffice(host=ELSEWHERE) as office:
        assert sent_by(at_work, office.url)[0] == "sent"


def test_a_password_goes_without_tls_to_this_machine_alone(at_work: AtWork) -> None:
    with PostOffice(signs_in=True) as office:
        assert sent_by(at_work, office.url)[0] == "sent"
    assert office.sign_ins == 1


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda url: url.replace("popug:", "parrot:"), "535 "),
        (lambda url: url.replace("popug:p%40ss%3Aw%C3%B6rt%2F1@", ""), "530 "),
    ],
    ids=["wrong", "missing"],
)
def test_a_password_that_is_wrong_or_missing_costs_no_mail(
    at_work: AtWork, authority: Authority, tmp_path: Path, change: Callable[[str], str], why: str
) -> None:
    with PostOffice("starttls", authority.sign(tmp_path), signs_in=True) as office:
        status, page = sent_by(at_work, change(office.url))
    assert status == "queued" and f"127.0.0.1: {why}" in page
    assert "p@ss" not in page and "p%40ss" not in page


@pytest.mark.parametrize(
    "url",
    [
        "smtp://host?tls=maybe",
        "smtp://host?tls",
        "smtp://host?ssl=1",
        "smtp://user:se#cret@host",
        "smtp://user:12/secret@host",
        "smtp://user:secret@",
    ],
)
def test_a_server_that_is_not_written_right_is_refused_at_start(at_work: AtWork, url: str) -> None:
    with pytest.raises(SettingsRefused) as refused:
        at_work(smtp_url=url)
    assert "write it like smtp://" in str(refused.value) and "cret" not in str(refused.value)
