// Keeps the page true without a reload.
import { watchSession } from "./check-session.js";

const POLL_INTERVAL = 1000;
const body = document.body;

function element(id) {
  return document.getElementById(id);
}

function show(id, visible) {
  const found = element(id);

  if (found) {
    found.hidden = !visible;
  }
}

function entry({ at, channel, text, about, reason }) {
  const item = element("entry").content.firstElementChild.cloneNode(true);
  const note = [about, reason && `reason: ${reason}`].filter(Boolean).join(" · ");
  const words = { channel: channel.replace("-", " "), text, note };
  item.dataset.channel = channel;
  item.querySelector("time").dateTime = at;

  for (const [name, value] of Object.entries(words)) {
    item.querySelector(`.${name}`).textContent = value;
  }

  return item;
}

// The server writes times as UTC; here it is known what the clock on the wall says.
function showLocalTimes() {
  for (const time of element("told").querySelectorAll("time")) {
    time.textContent = new Date(time.dateTime).toLocaleTimeString();
  }
}

// Entries that are there stay, so that only what is new is read out.
function showTold(told) {
  const list = element("told");
  const newest = told.at(-1)?.number ?? 0;
  const known = Number(list.dataset.newest);

  if (newest === known) {
    return;
  }

  // A client that has been started again counts from the beginning.
  const fresh = newest > known ? told.filter(({ number }) => number > known) : told;
  const kept = told.length - fresh.length;

  while (list.children.length > kept) {
    list.lastElementChild.remove();
  }

  list.prepend(...fresh.reverse().map(entry));
  list.dataset.newest = newest;
  showLocalTimes();
}

function update(session) {
  const signedIn = body.dataset.signedIn === "true";

  if (session.signed_in && !signedIn) {
    // Signed in meanwhile, in another tab: that takes a new page.
    window.location.reload();
    return;
  }

  body.dataset.signedIn = String(session.signed_in);
  show("signed-in", session.signed_in);
  show("signed-out", !session.signed_in);
  show("told-nothing", session.told.length === 0);

  // Text that does not change is not touched, so that it is not read out again.
  if (element("status").textContent !== session.status) {
    element("status").textContent = session.status;
  }

  showTold(session.told);
}

async function look() {
  try {
    const response = await fetch("/session.json", { cache: "no-store" });

    if (response.ok) {
      update(await response.json());
    }
  } catch {
    // The client is away for a moment; the next look will tell.
  }
}

async function endSession() {
  const form = new URLSearchParams({ csrf_token: body.dataset.csrfToken });

  try {
    await fetch("/session-ended", { method: "POST", body: form });
  } catch {
    // The client is away for a moment; the person is still signed in there.
  }

  await look();
}

function showAnswer(answer) {
  body.dataset.iframeAnswer = answer;
  element("iframe-answer").textContent =
    answer === "error" ? "error: this browser may hide the provider’s cookies from it" : answer;
}

async function lookForEver() {
  await look();
  setTimeout(lookForEver, POLL_INTERVAL);
}

showLocalTimes();
lookForEver();

if (body.dataset.signedIn === "true" && body.dataset.checkSessionIframe) {
  watchSession({
    clientId: body.dataset.clientId,
    sessionState: body.dataset.sessionState,
    iframe: body.dataset.checkSessionIframe,
    origin: body.dataset.providerOrigin,
    isSignedIn: () => body.dataset.signedIn === "true",
    onAnswer: showAnswer,
    onSignedOut: endSession,
  });
}
