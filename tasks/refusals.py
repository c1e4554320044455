"""What people read when the rules say no."""

from collections.abc import Mapping

from flask_babel import lazy_gettext as _l

from chassis.refusals import Problem, Refusal, as_problem
from tasks import domain, drafts, keys
from tasks.candidates import CandidatesUnknown

refusals: Mapping[type[Exception], Refusal] = {
    drafts.NoTitle: Refusal(422, _l("Give the task a title.")),
    drafts.TitleTooLong: Refusal(
        422, _l("The title is too long: write at most %(most)s characters.", most=drafts.TITLE_MOST)
    ),
    drafts.StrayBrackets: Refusal(
        422,
        _l(
            "A title holds no square brackets, except around a Jira id at its start. "
            "Write it like this: [POPUG-42] Paint the cage"
        ),
    ),
    drafts.ControlCharacterInTitle: Refusal(
        422, _l("The title holds a line break or another character that is no text; remove it.")
    ),
    drafts.DescriptionTooLong: Refusal(
        422,
        _l(
            "The description is too long: write at most %(most)s characters.",
            most=drafts.DESCRIPTION_MOST,
        ),
    ),
    drafts.ControlCharacterInDescription: Refusal(
        422, _l("The description holds a character that is no text; remove it.")
    ),
    domain.TaskNotFound: Refusal(404, _l("There is no such task.")),
    domain.AlreadyClosed: Refusal(409, _l("This task is already closed.")),
    domain.NeverYours: Refusal(
        403, _l("Only the one who holds a task may close it. This one is held by: %(holder)s.")
    ),
    domain.ReassignedMeanwhile: Refusal(
        409,
        _l("This task was reassigned and is not yours any more. It is now held by: %(holder)s."),
    ),
    domain.NoCandidates: Refusal(
        409,
        _l(
            "There is nobody on whom a task could land: tasks go to active people who are "
            "neither managers nor admins. Ask an admin to add some. Nothing was changed."
        ),
    ),
    domain.NotACandidate: Refusal(
        422,
        _l(
            "Tasks go to active people who are neither managers nor admins. "
            "Name one of those, or nobody to have one drawn."
        ),
    ),
    domain.ShuffleNotFound: Refusal(404, _l("There is no such shuffle.")),
    CandidatesUnknown: Refusal(
        503,
        _l(
            "The list of people cannot be had at the moment, so nobody can be given a task. "
            "Nothing was changed; try again in a few minutes."
        ),
    ),
    keys.KeyRefused: Refusal(
        422,
        _l("An Idempotency-Key is 1 to %(most)s printable ASCII characters.", most=keys.KEY_MOST),
    ),
    keys.KeyUsedOtherwise: Refusal(
        422,
        _l("This Idempotency-Key was used for another request before; take a new one for this."),
    ),
}


def problem_of(error: Exception) -> Problem:
    """What to tell a person of an error of ours."""
    problem = as_problem(error, refusals)
    if problem is None:
        raise error
    return problem
