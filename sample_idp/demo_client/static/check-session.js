// OpenID Connect Session Management 1.0 §3: asks the provider's frame whether the
// session is still the same, and the provider itself when it is not.
const ASK_INTERVAL = 2000;
const SILENT_TIMEOUT = 10000;
const MOST_RENEWALS = 3;

function hiddenFrame(source) {
  const frame = document.createElement("iframe");
  frame.src = source;
  frame.hidden = true;
  frame.title = "Session check";

  return frame;
}

// Asks the provider without the user; answers "renewed", "signed_out" or "error".
function askSilently() {
  return new Promise((resolve) => {
    const frame = hiddenFrame("/silent");
    const timer = setTimeout(() => finish({ outcome: "error" }), SILENT_TIMEOUT);

    function finish(result) {
      clearTimeout(timer);
      window.removeEventListener("message", listen);
      frame.remove();
      resolve(result);
    }

    function listen(event) {
      if (event.origin === window.location.origin && event.source === frame.contentWindow) {
        finish(event.data);
      }
    }

    window.addEventListener("message", listen);
    document.body.append(frame);
  });
}

export function watchSession({
  clientId,
  sessionState,
  iframe,
  origin,
  isSignedIn,
  onAnswer,
  onSignedOut,
}) {
  const frame = hiddenFrame(iframe);
  let timer = null;
  let renewals = 0;

  function ask() {
    if (!isSignedIn()) {
      stop();
      return;
    }

    frame.contentWindow.postMessage(`${clientId} ${sessionState}`, origin);
  }

  function start() {
    ask();
    timer = setInterval(ask, ASK_INTERVAL);
  }

  function pause() {
    clearInterval(timer);
    timer = null;
  }

  function stop() {
    pause();
    window.removeEventListener("message", listen);
    frame.remove();
  }

  async function resolveChange() {
    pause();

    // Session §5.1: where the frame cannot see its cookie, asking goes on for ever.
    if (renewals === MOST_RENEWALS) {
      onAnswer("error");
      stop();
      return;
    }

    renewals += 1;
    const result = await askSilently();

    if (result.outcome === "renewed") {
      sessionState = result.sessionState;
      start();
    } else {
      stop();

      if (result.outcome === "signed_out") {
        await onSignedOut();
      }
    }
  }

  function listen(event) {
    // An answer that comes late belongs to a question that is settled.
    if (event.origin !== origin || event.source !== frame.contentWindow || timer === null) {
      return;
    }

    if (event.data === "unchanged") {
      renewals = 0;
      onAnswer("unchanged");
    } else if (event.data === "changed") {
      onAnswer("changed");
      resolveChange();
    } else if (event.data === "error") {
      onAnswer("error");
      stop();
    }
  }

  window.addEventListener("message", listen);
  frame.addEventListener("load", start, { once: true });
  document.body.append(frame);
}
