"""What several tests of all services together stand on."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from popug.system import system
from tests import mariadb
from tests.integration.lived_company import Company
from tests.support import NAMES, NOON, Workbench


@pytest.fixture(params=["sqlite", "mariadb"])
def either_engine(
    request: pytest.FixtureRequest, workbench: Callable[..., Workbench]
) -> Iterator[Workbench]:
    """All six services on either engine."""
    if request.param == "sqlite":
        yield workbench(*system.services)
        return
    if not mariadb.reachable():
        pytest.skip("no MariaDB or MySQL server")
    with mariadb.fresh_databases(NAMES) as url:
        bench = workbench(*system.services, database_url=url)
        yield bench
        bench.close()


@pytest.fixture(scope="session")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the company has lived, to be copied."""
    folder = tmp_path_factory.mktemp("lived")
    bench = Workbench(folder, *system.services)
    Company(bench).live()
    bench.close()
    return folder


@pytest.fixture
def company(lived: Path, tmp_path: Path) -> Iterator[Company]:
    shutil.copytree(lived, tmp_path / "copy")
    bench = Workbench(tmp_path / "copy", *system.services)
    bench.clock.put(NOON)
    bench.clock.advance(days=1, hours=1)
    yield Company(bench)
    bench.close()
