"""Trace ids: continued where they are valid, fresh where they are not."""

import threading

import pytest

from chassis import tracing

GIVEN = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_a_valid_traceparent_is_continued_as_a_new_span() -> None:
    continued = tracing.continued(GIVEN)
    assert continued[3:35] == GIVEN[3:35]
    assert continued[36:52] != GIVEN[36:52]
    assert tracing.valid_traceparent(continued)


@pytest.mark.parametrize(
    "broken",
    [
        None,
        "",
        "nonsense",
        GIVEN.upper(),
        GIVEN + "-more",
        "01" + GIVEN[2:],
        "00-" + "0" * 32 + "-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-" + "0" * 16 + "-01",
        GIVEN[:-1],
        "x" * 10_000,
    ],
)
def test_a_broken_traceparent_starts_a_fresh_trace(broken: str | None) -> None:
    assert not tracing.valid_traceparent(broken)
    fresh = tracing.continued(broken)
    assert tracing.valid_traceparent(fresh)
    assert fresh[3:35] != GIVEN[3:35]


def test_work_inside_a_trace_has_its_id_and_after_it_the_outer_one() -> None:
    with tracing.traced(GIVEN):
        assert tracing.trace_id() == "0af7651916cd43dd8448eb211c80319c"
        with tracing.traced(None):
            assert tracing.trace_id() != "0af7651916cd43dd8448eb211c80319c"
        assert tracing.current_traceparent() == GIVEN


def test_another_thread_is_outside_the_trace() -> None:
    seen: list[str] = []
    with tracing.traced(GIVEN):
        thread = threading.Thread(target=lambda: seen.append(tracing.trace_id()))
        thread.start()
        thread.join()
    assert seen != ["0af7651916cd43dd8448eb211c80319c"]
