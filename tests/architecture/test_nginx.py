"""The edge sends each service its paths, and what is inside stays inside."""

import re
from pathlib import Path

from popug.system import system

TEMPLATE = (Path(__file__).parents[2] / "nginx/templates/popug.conf.template").read_text()


def test_nginx_routes_to_exactly_the_services_there_are() -> None:
    upstreams = set(re.findall(r"^upstream (\w+)", TEMPLATE, re.MULTILINE))
    assert upstreams == set(system.names)
    for routed in re.findall(r"\(\?<service>([\w|]+)\)", TEMPLATE):
        assert set(routed.split("|")) == set(system.names)


def test_every_place_to_fill_in_is_an_address_of_a_service_or_of_nginx() -> None:
    places = set(re.findall(r"\$\{(\w+)\}", TEMPLATE.partition("\nupstream")[2]))
    of_services = {f"{name.upper()}_WEB" for name in system.names}
    assert places == of_services | {"POPUG_LISTEN", "POPUG_ACCESS_LOG"}


def test_the_front_door_leads_home_and_to_the_status_page() -> None:
    assert f"return 302 {system.home};" in TEMPLATE
    assert "location = /status" in TEMPLATE
