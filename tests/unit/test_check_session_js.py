"""The script of the check-session iframe, run by Node with a browser made of stubs."""

import importlib.resources
import json
import re
import shutil
import subprocess
from typing import Any

import pytest

from idp_session._protocol.session_management import bound_salt
from idp_session._protocol.session_management import origin_of
from idp_session._protocol.session_management import session_state

ORIGIN = "https://shop.test"
SCRIPT = (
    importlib.resources.files("idp_session._protocol")
    .joinpath("check_session.js")
    .read_text(encoding="utf-8")
)
NODE = shutil.which("node")

needs_node = pytest.mark.skipif(NODE is None, reason="Node is not installed")

# Plays the browser: reads a scene from standard input, runs the script in it,
# sends the messages of one step at once, waits for that step's answers, and
# prints all answers. A broken promise of the script makes Node fail.
BROWSER = r"""
const scene = JSON.parse(require("fs").readFileSync(0, "utf-8"));
const listeners = [];
const answers = [];
const document = {
  cookie: scene.cookie,
  currentScript: scene.cookieName ? { dataset: { cookie: scene.cookieName } } : null,
};
if (scene.cookieThrows) {
  Object.defineProperty(document, "cookie", { get() { throw new Error("hidden"); } });
}
const navigator = { cookieEnabled: scene.cookieEnabled };
if (scene.permission) {
  // A browser that hides the cookie until what was granted is used.
  const shown = scene.cookie;
  let used = false;
  const query = ({ name }) =>
    name === "storage-access"
      ? Promise.resolve({ state: scene.permission })
      : Promise.reject(new TypeError(name));
  navigator.permissions = { query };
  Object.defineProperty(document, "cookie", { get: () => (used ? shown : "") });
  document.hasStorageAccess = () => Promise.resolve(used);
  document.requestStorageAccess = async () => {
    answers.asked = (answers.asked || 0) + 1;
    if (scene.permission !== "granted") throw new Error("a prompt without a gesture");
    if (scene.refuses) throw new Error("the page forbids it");
    used = true;
  };
} else if (scene.storageAccess === "rejects") {
  document.hasStorageAccess = () => Promise.reject(new Error("no"));
} else if (scene.storageAccess !== null) {
  document.hasStorageAccess = () => Promise.resolve(scene.storageAccess);
}
const window = {
  crypto: scene.secure ? globalThis.crypto ?? require("crypto").webcrypto : {},
  addEventListener: (type, listener) => listeners.push([type, listener]),
};
require("vm").runInNewContext(scene.script, { window, document, navigator, TextEncoder });
document.currentScript = null;
if (listeners.length !== 1 || listeners[0][0] !== "message") {
  throw new Error("there is no listener after the first run");
}
async function play() {
  for (const step of scene.steps) {
    if ("cookie" in step) document.cookie = step.cookie;
    const due = answers.length + step.answers;
    step.messages.forEach(({ data, origin, sourceless, closed }, index) => {
      const postMessage = (word, target) => {
        answers.push([index, word, target]);
        if (closed) throw new Error("the window is closed");
      };
      const source = sourceless ? null : { postMessage };
      listeners[0][1]({ data, origin, source });
    });
    while (answers.length < due) await new Promise(setImmediate);
  }
}
play().then(() => {
  if (answers.asked && (scene.permission === "prompt" || scene.untouched)) {
    throw new Error("the frame reaches for what it must not");
  }
  process.on("exit", () => console.log(JSON.stringify(answers)));
});
"""


def question(
    *,
    client_id: str = "shop",
    origin: str = ORIGIN,
    browser_state: str = "abc",
    random_part: str = "r-4nd",
) -> str:
    salt = bound_salt(client_id=client_id, origin=origin, random_part=random_part)
    state = session_state(
        client_id=client_id, origin=origin, browser_state=browser_state, salt=salt
    )

    return f"{client_id} {state}"


def message(data: Any, origin: str = ORIGIN, **more: Any) -> dict[str, Any]:
    return {"data": data, "origin": origin, **more}


def step(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"messages": messages, "answers": len(messages), **more}


def run_node(source: str, scene: Any) -> Any:
    assert NODE is not None
    done = subprocess.run(
        [NODE, "-e", source],
        input=json.dumps(scene),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr

    return json.loads(done.stdout)


def play(*steps: dict[str, Any], **browser: Any) -> Any:
    scene = {
        "script": SCRIPT,
        "steps": steps,
        "cookieName": "idsrv.session",
        "cookie": "idsrv.session=abc",
        "cookieEnabled": True,
        "storageAccess": True,
        "secure": True,
    }

    return run_node(BROWSER, scene | browser)


def answer_to(data: Any, *, origin: str = ORIGIN, **browser: Any) -> Any:
    [[_, word, target]] = play(step(message(data, origin)), **browser)

    assert target == origin

    return word


@needs_node
@pytest.mark.parametrize(
    ("cookie", "word"),
    [
        pytest.param("idsrv.session=abc", "unchanged", id="same"),
        pytest.param("a=b; idsrv.session=abc; c=d", "unchanged", id="among others"),
        pytest.param("idsrv.session=abd", "changed", id="other session"),
        pytest.param("idsrv.session=abc=", "changed", id="longer value"),
        pytest.param("idsrv.session=%61bc", "changed", id="value as it is"),
        pytest.param("xidsrv.session=abc", "changed", id="name ends alike"),
        pytest.param("idsrv.session2=abc", "changed", id="name begins alike"),
        pytest.param("IDSRV.session=abc", "changed", id="name in capitals"),
        pytest.param("a=idsrv.session=abc", "changed", id="name in a value"),
        pytest.param("", "changed", id="signed out"),
    ],
)
def test_answer_follows_the_cookie(cookie: str, word: str) -> None:
    """The answer says whether the browser is still in the session of the client."""
    # SM-OP-08, SM-OP-09, SM-OP-10
    assert answer_to(question(), cookie=cookie) == word


@needs_node
@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"client_id": "my shop 2"}, id="spaces in the client id"),
        pytest.param({"client_id": "sh\u00f6p \U0001f6d2"}, id="beyond ascii"),
        pytest.param({"random_part": "a.b-c"}, id="marks in the salt"),
    ],
)
def test_script_computes_as_the_provider_does(changes: dict[str, str]) -> None:
    """Provider and iframe agree about every client and salt."""
    # SM-OP-04, SM-OP-11
    assert answer_to(question(**changes)) == "unchanged"


@needs_node
@pytest.mark.parametrize(
    "data",
    [
        pytest.param(None, id="null"),
        pytest.param(7, id="number"),
        pytest.param({"data": "x"}, id="object"),
        pytest.param([question()], id="array"),
        pytest.param("", id="empty"),
        pytest.param("shop", id="no space"),
        pytest.param(" ", id="only a space"),
        pytest.param("shop ", id="no session state"),
        pytest.param(question()[4:], id="no client id"),
        pytest.param("shop abcdef", id="no salt"),
        pytest.param("shop abcdef.", id="empty salt"),
        pytest.param("shop abcdef.salt", id="unbound salt"),
        pytest.param("shop abcdef.-0123456789abcdef", id="binding only"),
        pytest.param("shop abcdef.salt-0123456789abcdef", id="wrong binding"),
        pytest.param("shop ." + question().partition(".")[2], id="no hash"),
        pytest.param(question() + " ", id="space at the end"),
        pytest.param(question() + "0", id="binding too long"),
        pytest.param(question()[:-1], id="binding too short"),
        pytest.param("news" + question()[4:], id="of another client"),
    ],
)
def test_malformed_question(data: Any) -> None:
    """What was never a session state of the client is an error, not a change."""
    # SM-OP-11
    assert answer_to(data) == "error"


@needs_node
@pytest.mark.parametrize(
    "origin",
    [
        pytest.param("https://evil.test", id="other host"),
        pytest.param("http://shop.test", id="other scheme"),
        pytest.param("https://shop.test:8443", id="other port"),
    ],
)
def test_question_from_a_foreign_origin(origin: str) -> None:
    """Who asks with somebody else's session state learns nothing."""
    # SM-OP-12
    assert answer_to(question(), origin=origin) == "error"


@needs_node
@pytest.mark.spec("SM-OP-12", "SM-OP-13")
@pytest.mark.parametrize(
    "silenced",
    [
        pytest.param(message(question(), "null"), id="opaque origin"),
        pytest.param(message(question(), ""), id="no origin"),
        pytest.param(message(question(), sourceless=True), id="no source"),
    ],
)
def test_nobody_to_answer(silenced: dict[str, Any]) -> None:
    """Where an answer could not be addressed there is none."""
    assert play(step(silenced) | {"answers": 0}) == []


@needs_node
@pytest.mark.parametrize(
    "browser",
    [
        pytest.param({"storageAccess": False}, id="storage blocked"),
        pytest.param({"storageAccess": "rejects"}, id="storage question fails"),
        pytest.param({"storageAccess": None}, id="browser does not tell"),
        pytest.param({"cookieEnabled": False}, id="cookies switched off"),
    ],
)
def test_hidden_cookie_is_not_a_change(browser: dict[str, Any]) -> None:
    """Where the browser hides the cookie nobody is signed out by mistake."""
    # SM-OP-17
    assert answer_to(question(), cookie="", **browser) == "error"


@needs_node
@pytest.mark.spec("SAA-01", "SM-OP-17")
@pytest.mark.parametrize(
    ("browser", "word"),
    [
        pytest.param({"permission": "granted"}, "unchanged", id="granted"),
        pytest.param(
            {"permission": "granted", "cookie": ""}, "changed", id="signed out"
        ),
        pytest.param(
            {"permission": "granted", "cookie": "idsrv.session=new"},
            "changed",
            id="another session",
        ),
        pytest.param({"permission": "prompt"}, "error", id="not granted"),
        pytest.param({"permission": "denied"}, "error", id="denied"),
        pytest.param({"permission": "granted", "refuses": True}, "error", id="not let"),
    ],
)
def test_what_the_user_has_granted(browser: dict[str, Any], word: str) -> None:
    """A grant is used to read the cookie; without one nobody is asked, or signed out."""
    assert answer_to(question(), **browser) == word


@needs_node
@pytest.mark.spec("SAA-01", "SM-OP-12")
def test_a_stranger_makes_no_use_of_a_grant() -> None:
    """For somebody else's session state the frame does not reach for the cookie."""
    ask = message(question(), "https://evil.test")

    answers = play(step(ask), permission="granted", untouched=True)

    assert [word for _, word, _ in answers] == ["error"]


@needs_node
def test_visible_cookie_needs_no_storage_answer() -> None:
    """A cookie that can be read is proof enough that it can be read."""
    assert answer_to(question(), storageAccess=None) == "unchanged"


@needs_node
@pytest.mark.parametrize(
    ("cookie", "word"),
    [
        pytest.param("", "unchanged", id="still signed out"),
        pytest.param("idsrv.session=abc", "changed", id="signed in since"),
    ],
)
def test_client_that_found_nobody_signed_in(cookie: str, word: str) -> None:
    """A session state that was given while signed out is good until a sign-in."""
    # SM-OP-02
    assert answer_to(question(browser_state=""), cookie=cookie) == word


@needs_node
@pytest.mark.parametrize(
    "browser",
    [
        pytest.param({"secure": False}, id="no secure context"),
        pytest.param({"cookieName": None}, id="no cookie name"),
        pytest.param({"cookieThrows": True}, id="cookies forbidden"),
    ],
)
def test_failure_is_an_error(browser: dict[str, Any]) -> None:
    """What the script cannot find out it does not guess, and it never throws."""
    assert answer_to(question(), **browser) == "error"


@needs_node
def test_window_that_closes_meanwhile() -> None:
    """A client that is gone when its answer is ready breaks nothing."""
    closed = step(message(question(), closed=True))
    later = step(message(question()))

    assert [word for _, word, _ in play(closed, later)] == ["unchanged"] * 2


@needs_node
def test_cookie_is_read_at_every_question() -> None:
    """A logout in another tab shows at the next question."""
    # SM-OP-09
    ask = message(question())

    answers = play(
        step(ask), step(ask, cookie=""), step(ask, cookie="idsrv.session=abc")
    )

    assert [word for _, word, _ in answers] == ["unchanged", "changed", "unchanged"]


@needs_node
@pytest.mark.spec("SM-OP-13")
def test_burst_of_questions() -> None:
    """Each of many questions at once gets its own answer, at its own address."""
    news = "https://news.test"

    answers = play(
        step(
            message(question()),
            message(question(origin=news), news),
            message(question(browser_state="old")),
            message("nonsense", news),
        )
    )

    assert sorted(answers) == [
        [0, "unchanged", ORIGIN],
        [1, "unchanged", news],
        [2, "changed", ORIGIN],
        [3, "error", news],
    ]


@needs_node
@pytest.mark.parametrize(
    "uri",
    [
        pytest.param("HTTPS://Shop.TEST:443/cb?x#y", id="capitals and port"),
        pytest.param("http://user@127.0.0.1:08080/", id="user and port"),
        pytest.param("https://[2001:DB8:0:0:1:0:0:1]/", id="v6"),
        pytest.param("https://BÜCHER.example/", id="umlaut"),
        pytest.param("https://faß.ΣΑΣ.example/", id="letters that folding changes"),
        pytest.param("https://日本語。\uff2a\uff30/", id="wide letters"),
        pytest.param("https://☃.net:8443/", id="symbol"),
    ],
)
def test_origin_agrees_with_the_web(uri: str) -> None:
    """Our idea of an origin is that of the URL standard."""
    # SM-OP-05
    ask = (
        'const uri = JSON.parse(require("fs").readFileSync(0, "utf-8"));'
        "console.log(JSON.stringify(new URL(uri).origin));"
    )

    assert run_node(ask, uri) == origin_of(uri)


def test_script_can_stand_in_a_page() -> None:
    """Nothing in the script ends or comments out the element it stands in."""
    assert not re.search(r"</|<!--|\]\]>", SCRIPT)
    assert SCRIPT.isascii()


@pytest.mark.parametrize(
    "word",
    [
        pytest.param(r"fetch|XMLHttpRequest|sendBeacon|import", id="network"),
        pytest.param(r'"\*"', id="answer to anybody"),
        pytest.param(r"eval|Function\(|innerHTML", id="text as code"),
    ],
)
def test_script_does_without(word: str) -> None:
    """The script asks no server and answers nobody but who asked."""
    # SM-OP-13, SM-OP-16
    assert not re.search(word, SCRIPT)
