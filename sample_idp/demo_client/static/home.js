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

function entry({ at, channel, text }) {
  const item = document.createElement("li");
  const label = document.createElement("span");
  const sentence = document.createElement("span");
  label.className = "channel";
  label.textContent = channel;
  sentence.textContent = text;
  item.dataset.channel = channel;
  item.title = new Date(at).toLocaleTimeString();
  item.append(label, " ", sentence);

  return item;
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

  const newest = session.told.at(-1)?.at ?? "";

  if (element("told").dataset.newest !== newest) {
    element("told").dataset.newest = newest;
    element("told").replaceChildren(...session.told.map(entry));
  }
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
  element("iframe-answer").textContent = answer;
}

async function lookForEver() {
  await look();
  setTimeout(lookForEver, POLL_INTERVAL);
}

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
