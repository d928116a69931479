"""Ends the sessions of a user by the JSON API."""


def end_sessions_of(subject_id, *, http, url):
    """How many sessions were ended.

    :param http: A ``requests.Session`` with the administrator's cookie.
    :param url: Where the API is, such as ``https://idp.example/admin/api``.
    """
    token = http.get(f"{url}/token").json()["token"]
    found = http.get(f"{url}/sessions", params={"subject_id": subject_id}).json()
    answers = [
        http.delete(
            f"{url}/sessions/{each['session_id']}", headers={"X-CSRF-Token": token}
        )
        for each in found["sessions"]
    ]

    return sum(answer.ok for answer in answers)
