"""The edge sends each service its paths, and what is inside stays inside."""

import re
from pathlib import Path

from chassis.errors import wants_json
from chassis.ids import new_id
from popug.system import system
from tests.architecture.conftest import Company
from tests.nginx import SERVICES, TEMPLATES

HEAD, _, SETTINGS = (TEMPLATES / "popug.conf.template").read_text().partition("\n\n# A name is")
ROUTES = (TEMPLATES / "edge/routes.conf.template").read_text()
ANSWERS = (TEMPLATES / "edge/answers.conf.template").read_text()
INSIDE = re.compile(re.findall(r'location ~ "(.*z.*)" \{', ROUTES)[0])
FOR_MACHINES = {"/healthz", "/readyz", "/metrics", "/statusz", "/eventsz"}


def _text(path: Path) -> str:
    return path.read_text() if path.name != "popug.conf.template" else SETTINGS


def test_nginx_routes_to_exactly_the_services_there_are() -> None:
    assert set(SERVICES) == set(system.names)
    (addresses,) = re.findall(r"map \$service \$web \{(.*?)\n\}", SETTINGS, re.DOTALL)
    expected = {name: f"{name.upper()}_WEB" for name in system.names}
    assert dict(re.findall(r"(\w+)\s+\$\{(\w+)\};", addresses)) == expected
    routed = re.findall(r"\(\?<service>([\w|]+)\)", ROUTES)
    assert [set(names.split("|")) for names in routed] == [
        {"auth"},
        set(system.names),
        set(system.names),
    ]


def test_every_place_to_fill_in_is_explained_at_the_head() -> None:
    used = {
        place
        for template in TEMPLATES.rglob("*.template")
        for place in re.findall(r"\$\{(\w+)\}", _text(template))
    }
    explained = set(re.findall(r"\b(POPUG_[A-Z_]+|[A-Z]+_WEB)\b", HEAD))
    assert used == explained


def test_the_front_door_leads_home() -> None:
    assert f"return 302 {system.home};" in ROUTES


def test_what_is_for_machines_stays_inside_and_nothing_else_does(company: Company) -> None:
    """A new address of that kind either ends in z or is seen here."""
    for service in system.names:
        for rule in company.apps[service].url_map.iter_rules():
            machine = rule.rule in FOR_MACHINES or re.fullmatch(r"/\w+z", rule.rule)
            kept = bool(INSIDE.search(f"/{service}{rule.rule}"))
            assert kept is (bool(machine) and rule.rule != "/healthz"), rule.rule
    assert not INSIDE.search(f"/tasks/{new_id()}")


def test_nginx_answers_a_program_where_the_services_do(company: Company) -> None:
    problems = [re.compile(p) for p in re.findall(r'"~(.+)" problem;', ANSWERS)]
    for service in system.names:
        app = company.apps[service]
        for rule in app.url_map.iter_rules():
            path = re.sub(r"<.*?>", "x", rule.rule)
            with app.test_request_context(path):
                expected = wants_json()
            asked = f"GET /{service}{path}?a=b HTTP/1.1"
            assert any(p.search(asked) for p in problems) is expected, asked
