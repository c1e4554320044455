"""Static files are kept by browsers for as long as they stay the same."""

import re
from pathlib import Path

import pytest
from flask import Flask, url_for

from chassis import static_files
from chassis.static_files import KEPT
from tests.support import Workbench


def test_every_file_that_a_page_names_is_named_by_its_fingerprint(bench: Workbench) -> None:
    page = bench.client().get("/counter/").text
    files = re.findall(r'(?:src|href)="(/counter/\S*static/[^"]+)"', page)
    assert len(files) >= 3
    for file in files:
        assert re.search(r"\?v=[0-9a-f]{16}$", file), file
        with bench.client().get(file) as answer:
            assert answer.status_code == 200
            assert answer.headers["Cache-Control"] == KEPT
            kept = {"If-None-Match": answer.headers["ETag"]}
        with bench.client().get(file, headers=kept) as again:
            assert (again.status_code, again.headers["Cache-Control"]) == (304, KEPT)


@pytest.mark.parametrize("query", ["", "?v=", "?v=0123456789abcdef", "?w=1"])
def test_asked_for_in_another_way_a_file_is_kept_for_an_hour(query: str, bench: Workbench) -> None:
    with bench.client().get(f"/counter/static/popug.css{query}") as answer:
        assert answer.status_code == 200
        assert "immutable" not in answer.headers["Cache-Control"]
        assert "max-age=3600" in answer.headers["Cache-Control"]


def test_what_is_no_file_is_not_kept(bench: Workbench) -> None:
    for path in ("/static/nothing.css?v=1", "/static/../web.py?v=1", "/?v=1", "/mine?v=1"):
        answer = bench.client("worker").get(f"/counter{path}")
        assert answer.headers["Cache-Control"] == "no-store", path


def test_a_changed_file_gets_another_address(tmp_path: Path) -> None:
    app = Flask("any", static_folder=str(tmp_path), static_url_path="/static")
    static_files.fingerprint_static_files(app)
    with app.test_request_context():
        seen = set()
        for content in ("one", "two"):
            (tmp_path / "a.css").write_text(content)
            seen.add(url_for("static", filename="a.css"))
        assert len(seen) == 2
        assert url_for("static", filename="none.css") == "/static/none.css"
        assert url_for("static", filename="../a.css") == "/static/../a.css"
