"""The sweep of the embedded form: SQLite files and the in-process broker, without threads.

Each point: the files as they were before the step, a process that does the step and is
killed at the point, and another process that recovers, does again what nobody
acknowledged, counts everything, and checks every invariant.
"""

import gc
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests.sweep.children import Say, in_child
from tests.sweep.company import Company, Figures, open_company
from tests.sweep.lines import Lines, Place, Point
from tests.sweep.modules import is_swept
from tests.sweep.run import Plan, Result, Task, kept, sweep
from tests.sweep.scratch import share_scratch
from tests.sweep.stages import STEPS, Step

ANSWERED = "answered"


@dataclass(frozen=True)
class Rehearsed:
    """A step that was done once unharmed, and the figures that the story settles to.

    `before`: if the step was never done; `after`: if it was. `ids`: as known before it.
    """

    number: int
    visits: Mapping[Place, int]
    modules: frozenset[str]
    ids: Mapping[str, str]
    before: Figures
    after: Figures

    @property
    def step(self) -> Step:
        return STEPS[self.number]


class EmbeddedSweep:
    """One company on files of its own; `templates` holds its files before each step.

    This process opens no database: what it forks begins as a fresh start would.
    """

    def __init__(self, folder: Path, templates: Path) -> None:
        self._templates = templates
        self._data = folder / "data"
        keys = templates / "keys"
        if keys.exists():
            shutil.copytree(keys, self._data / "keys")
        self.company: Company = open_company(folder)
        self.company.bench.close()
        if not keys.exists():
            shutil.copytree(self._data / "keys", keys)

    def rehearse(self, plan: Plan) -> list[Rehearsed]:
        """Do the story unharmed as far as it is swept, and keep the files before each step."""
        last = max(number for number, step in enumerate(STEPS) if plan.has_step(step.name))
        self.company.ids = self._unharmed(self._found)
        self._keep(0)
        before = self._unharmed(self._settle)
        done = []
        for number, step in enumerate(STEPS[: last + 1]):
            self._restore(number)
            ids = self.company.ids
            visits, modules, self.company.ids = self._unharmed(partial(self._do, step))
            self._keep(number + 1)
            after = self._unharmed(self._settle)
            done.append(Rehearsed(number, visits, modules, ids, before, after))
            before = after
        return done

    def warm_up(self, story: Sequence[Rehearsed]) -> None:
        """Have every statement compiled and every template loaded once, here for all forks."""
        share_scratch(self._templates / "scratch")
        for rehearsed in story:
            self._restore(rehearsed.number)
            self.company.ids = dict(rehearsed.ids)
            rehearsed.step.act(self.company)
            self.company.bench.settle()
            self.company.figures()
            self.company.broken()
            self.company.bench.close()
        self.company.forget()
        # What is here at the fork is looked through by no child's collector: no copy of it.
        gc.collect()
        gc.freeze()

    def kill_at(self, rehearsed: Rehearsed, point: Point, hasty: bool) -> list[str]:
        """What is wrong after a kill at the point; `hasty`: the person asks again at once."""
        self._restore(rehearsed.number)
        self.company.ids = dict(rehearsed.ids)
        killed = in_child(lambda say: self._do(rehearsed.step, say, point))
        if not killed.killed:
            return [killed.error or "the point was not reached"]
        lost_answer = rehearsed.step.again is not None and ANSWERED not in killed.said
        ended = in_child(lambda say: self._recover(rehearsed, lost_answer, hasty, say))
        wrong: list[str] = [ended.error] if ended.error else ended.said[-1]
        return wrong

    def _found(self, say: Say) -> None:
        self.company.found()
        self.company.bench.close()
        say(self.company.ids)

    def _do(self, step: Step, say: Say, point: Point | None = None) -> None:
        lines = Lines(is_swept, point)
        lines.watch()
        step.act(self.company)
        say(ANSWERED)
        lines.stop()
        self.company.bench.close()
        say((dict(lines.visits), frozenset(lines.modules), self.company.ids))

    def _settle(self, say: Say) -> None:
        self.company.recover()
        assert self.company.broken() == []
        say(self.company.figures())

    def _recover(self, rehearsed: Rehearsed, lost_answer: bool, hasty: bool, say: Say) -> None:
        """Say what is wrong once all has settled and whoever got no answer has asked again."""
        company, wrong = self.company, []
        if not (lost_answer and (hasty or rehearsed.step.in_pieces)):
            company.recover()
            found = company.figures()
            # Without an answer it may have taken effect or not; with one it has.
            good = [rehearsed.before, rehearsed.after] if lost_answer else [rehearsed.after]
            if found not in good:
                wrong.append(f"after the kill: {_difference(found, rehearsed.after)}")
        if lost_answer:
            assert rehearsed.step.again
            rehearsed.step.again(company)
            company.recover()
            found = company.figures()
            if found != rehearsed.after:
                wrong.append(f"after asking again: {_difference(found, rehearsed.after)}")
        say(wrong + company.broken())

    def _unharmed(self, work: Callable[[Say], None]) -> Any:
        """The last thing that a child said, which must end by itself."""
        ended = in_child(work)
        assert not ended.killed and ended.error is None, ended.error
        return ended.said[-1]

    def _keep(self, number: int) -> None:
        shutil.copytree(
            self._data, self._templates / str(number), ignore=shutil.ignore_patterns("keys")
        )

    def _restore(self, number: int) -> None:
        for file in self._data.glob("*.db*"):
            file.unlink()
        shutil.copytree(self._templates / str(number), self._data, dirs_exist_ok=True)


def _difference(found: Figures, wanted: Figures) -> str:
    return ", ".join(
        f"{name} {found[name]} instead of {wanted[name]}"
        for name in sorted(found | wanted)
        if found[name] != wanted[name]
    )


@dataclass
class _Prepared:
    """What was rehearsed, for the workers that are forked afterwards; and a worker's own sweep."""

    folder: Path
    story: list[Rehearsed]
    warm: bool
    sweep: EmbeddedSweep | None = None


_prepared: list[_Prepared] = []


def sweep_embedded(folder: Path, plan: Plan) -> Result:
    """Rehearse the story in `folder`, then kill it at every point of the plan."""
    (folder / "templates").mkdir(parents=True)
    story = EmbeddedSweep(folder / "rehearsal", folder / "templates").rehearse(plan)
    places = kept([(r.step.name, r.number, r.visits, r.modules) for r in story], plan)
    _prepared[:] = [_Prepared(folder, story, warm=not plan.stop_when_found)]
    return sweep(Result("embedded", plan, [step.name for step in STEPS], places), _begin, _try)


def _begin(number: int) -> None:
    (prepared,) = _prepared
    prepared.sweep = EmbeddedSweep(
        prepared.folder / f"worker-{number}", prepared.folder / "templates"
    )
    if prepared.warm:
        prepared.sweep.warm_up(prepared.story)


def _try(share: Sequence[Task]) -> list[list[str]]:
    (prepared,) = _prepared
    assert prepared.sweep
    return [
        prepared.sweep.kill_at(prepared.story[task.step], task.point, hasty=bool(number % 2))
        for number, task in enumerate(share)
    ]
