// The OP iframe of OpenID Connect Session Management 1.0, section 3.2: answers
// "client_id session_state" with "unchanged", "changed" or "error". The hashes
// are those of session_management.py. This text stands in the page as it is; its
// one setting is the data-cookie attribute of the script element.
(function () {
  "use strict";

  // Known only while the script runs for the first time.
  const script = document.currentScript;
  const cookieName = script ? script.dataset.cookie : undefined;

  window.addEventListener("message", function (event) {
    // Without a source or an address there is nobody to answer.
    if (!event.source || !event.origin || event.origin === "null") {
      return;
    }

    verdict(event.data, event.origin)
      .catch(() => "error")
      .then((word) => event.source.postMessage(word, event.origin))
      .catch(() => undefined);
  });

  async function verdict(message, origin) {
    const question = parse(message);

    if (!question || !cookieName) {
      return "error";
    }

    const { clientId, sessionState, salt, random, binding } = question;
    const bound = await sha256([clientId, origin, random]);

    // The value was never made for whoever asks.
    if (bound.slice(0, 16) !== binding) {
      return "error";
    }

    let state = browserState();

    // A hidden cookie looks like a missing one. To say "changed" then would sign
    // people out who are still signed in.
    if (state === undefined) {
      if (!(await canSeeCookies())) {
        return "error";
      }

      // What was hidden a moment ago may show now.
      state = browserState();
    }

    const hash = await sha256([clientId, origin, state || "", salt]);
    return hash + "." + salt === sessionState ? "unchanged" : "changed";
  }

  // A client id may contain spaces, a session state none: the last one divides.
  // The session state is "hash.salt", the salt "random-binding".
  function parse(message) {
    if (typeof message !== "string") {
      return null;
    }

    const space = message.lastIndexOf(" ");
    const sessionState = message.slice(space + 1);
    const dot = sessionState.indexOf(".");
    const salt = sessionState.slice(dot + 1);
    const dash = salt.lastIndexOf("-");

    if (space < 1 || dot < 1 || dash < 1) {
      return null;
    }

    return {
      clientId: message.slice(0, space),
      sessionState,
      salt,
      random: salt.slice(0, dash),
      binding: salt.slice(dash + 1),
    };
  }

  // Read anew each time, since another tab may have signed in or out.
  function browserState() {
    const start = cookieName + "=";
    const cookie = document.cookie
      .split(";")
      .map((text) => text.trim())
      .find((text) => text.startsWith(start));

    return cookie === undefined ? undefined : cookie.slice(start.length);
  }

  async function canSeeCookies() {
    return (
      typeof document.hasStorageAccess === "function" &&
      ((await document.hasStorageAccess()) === true || (await usesGrant())) &&
      navigator.cookieEnabled !== false
    );
  }

  // A frame that nobody sees uses what the user has allowed elsewhere, and never
  // asks. Fails where the browser does not tell, or does not let it.
  async function usesGrant() {
    const permission = await navigator.permissions.query({ name: "storage-access" });

    if (permission.state !== "granted") {
      return false;
    }

    await document.requestStorageAccess();
    return (await document.hasStorageAccess()) === true;
  }

  // Fails where there is no secure context, which is answered as an error.
  async function sha256(parts) {
    const bytes = new TextEncoder().encode(parts.join(" "));
    const digest = await window.crypto.subtle.digest("SHA-256", bytes);

    return Array.from(new Uint8Array(digest))
      .map((byte) => byte.toString(16).padStart(2, "0"))
      .join("");
  }
})();
