"""Two at the same moment."""

from concurrent.futures import ThreadPoolExecutor

from auth.domain import User
from tests.integration.auth.office import PASSWORD, Office


def test_one_e_mail_added_by_sixteen_admins_is_added_once(office: Office) -> None:
    clients = [office.bench.client("admin") for _ in range(16)]
    body = {"email": "ann@popug.test", "name": "Ann", "role": "worker", "password": PASSWORD}
    with ThreadPoolExecutor(16) as pool:
        answers = list(
            pool.map(lambda c: c.post("/auth/api/v1/users", json=body).status_code, clients)
        )
    assert sorted(answers) == [201] + [409] * 15
    assert len(office.said()) == 1


def test_of_two_admins_who_demote_each_other_one_stays(office: Office) -> None:
    users = [office.add("One", "admin"), office.add("Two", "admin")]
    clients = [office.signed_in("Two"), office.signed_in("One")]

    def demote(turn: int) -> int:
        path = f"/auth/api/v1/users/{users[turn].id}"
        return clients[turn].patch(path, json={"role": "worker"}).status_code

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(demote, (0, 1)))
    # The loser is refused as the last admin, or no longer may when his turn comes.
    assert sorted(answers) in ([200, 409], [200, 403])
    listed = office.bench.client("admin").get("/auth/api/v1/users").json
    assert listed
    assert [u["role"] for u in listed["items"]].count("admin") == 1


def test_of_eight_admins_disabled_at_the_same_moment_one_stays(office: Office) -> None:
    users = [office.add(f"Root{number}", "admin") for number in range(8)]

    def disable(user: User) -> int:
        client = office.bench.client("admin")
        path = f"/auth/api/v1/users/{user.id}"
        return client.patch(path, json={"active": False}).status_code

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(disable, users))
    assert sorted(answers) == [200] * 7 + [409]


def test_a_session_ended_by_eight_ends_once(office: Office) -> None:
    office.add("Ann")
    here, there = office.signed_in("Ann"), office.signed_in("Ann")
    token = {"Authorization": f"Bearer {office.token(here)}"}
    office.said()
    path = f"/auth/me/sessions/{office.session_id(there)}/end"
    clients = [office.bench.client() for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda c: c.post(path, headers=token).status_code, clients))
    assert sorted(answers) == [303] + [404] * 7
    assert len(office.said()) == 1
