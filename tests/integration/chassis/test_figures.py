"""What is counted while events are applied and jobs run, and what a service adds."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from chassis.database import DatabaseAway, Reading
from chassis.figures import Figure
from chassis.jobs import Job
from chassis.runtime import Runtime
from tests.integration.chassis import counter
from tests.support import Workbench

KIND = "popug.tasks.task_assigned.v1"


def _text(runtime: Runtime) -> str:
    runtime.figures.forget()
    return runtime.metrics.text(runtime.figures).decode()


def test_the_lag_is_from_the_events_time_to_the_commit_of_its_effect(bench: Workbench) -> None:
    early = bench.envelope(counter.assigned(bench.clock, "a"))
    bench.clock.advance(seconds=7)
    bench.runtime().consumer.deliver([early, bench.envelope(counter.assigned(bench.clock, "b"))])
    text = _text(bench.runtime())
    assert f'event_lag_seconds_bucket{{le="0.005",type="{KIND}"}} 1.0' in text
    assert f'event_lag_seconds_bucket{{le="5.0",type="{KIND}"}} 1.0' in text
    assert f'event_lag_seconds_bucket{{le="10.0",type="{KIND}"}} 2.0' in text
    assert f'event_lag_seconds_sum{{type="{KIND}"}} 7.0' in text
    # What was applied before has taken effect once, and is measured once.
    bench.runtime().consumer.deliver([early])
    assert f'event_lag_seconds_count{{type="{KIND}"}} 2.0' in _text(bench.runtime())


def test_an_event_from_a_clock_that_is_ahead_has_no_negative_lag(bench: Workbench) -> None:
    bench.clock.advance(seconds=30)
    ahead = bench.envelope(counter.assigned(bench.clock, "a"))
    bench.clock.advance(seconds=-30)
    bench.runtime().consumer.deliver([ahead])
    assert f'event_lag_seconds_sum{{type="{KIND}"}} 0.0' in _text(bench.runtime())


def test_the_outbox_says_how_long_its_oldest_event_waits(bench: Workbench) -> None:
    runtime = bench.runtime()
    assert "\noutbox_oldest_age_seconds 0.0\n" in _text(runtime)
    runtime.database.run(counter.add_and_say, "a")
    bench.clock.advance(minutes=2)
    runtime.database.run(counter.add_and_say, "b")
    assert "\noutbox_depth 2.0\n" in _text(runtime)
    assert "\noutbox_oldest_age_seconds 120.0\n" in _text(runtime)
    runtime.relay.send_waiting()
    assert "\noutbox_oldest_age_seconds 0.0\n" in _text(runtime)


def test_runs_of_a_job_are_counted_by_how_they_ended(workbench: Callable[..., Workbench]) -> None:
    ends: list[Exception | bool] = [RuntimeError("broken"), DatabaseAway("gone"), True, False]

    def run(_: Runtime) -> bool:
        end = ends.pop(0)
        if isinstance(end, Exception):
            raise end
        return end

    runtime = workbench(replace(counter.service, jobs=(Job("fickle", run, 60),))).runtime()
    for error in (RuntimeError, DatabaseAway):
        with pytest.raises(error):
            runtime.jobs.run_all()
    runtime.jobs.run_all()
    text = _text(runtime)
    assert 'job_runs_total{job_name="fickle",outcome="failed"} 2.0' in text
    assert 'job_runs_total{job_name="fickle",outcome="done"} 2.0' in text
    assert 'job_seconds_count{job_name="fickle"} 4.0' in text


def test_a_service_adds_figures_of_its_own_where_it_works(
    workbench: Callable[..., Workbench],
) -> None:
    looks = []

    def figures(reading: Reading) -> list[Figure]:
        looks.append(1)
        numbers = counter.numbers(reading)
        return [
            Figure("counters", "Counters", len(numbers)),
            Figure("counted", "Counts by name", label="name", values=numbers),
        ]

    bench = workbench(replace(counter.service, jobs=(), figures=figures))
    runtime = bench.runtime()
    bench.hear(counter.assigned(bench.clock, "a"))
    # A web process does not count: its worker does.
    assert "counters" not in _text(runtime)
    runtime.works = True
    text = _text(runtime)
    assert "\n# HELP counters Counters\n# TYPE counters gauge\ncounters 1.0\n" in text
    assert 'counted{name="a"} 1.0' in text
    # Asking often costs nothing.
    before = len(looks)
    for _ in range(50):
        runtime.metrics.text(runtime.figures)
    assert len(looks) == before


def test_what_can_happen_begins_at_zero(bench: Workbench) -> None:
    runtime = bench.runtime()
    runtime.start()
    text = _text(runtime)
    runtime.stop()
    assert f'events_applied_total{{type="{KIND}"}} 0.0' in text
    assert f'events_parked_total{{type="{KIND}"}} 0.0' in text
    assert 'events_parked_total{type="other"} 0.0' in text
    assert 'job_runs_total{job_name="housekeeping",outcome="failed"} 0.0' in text
    assert "_created" not in text
