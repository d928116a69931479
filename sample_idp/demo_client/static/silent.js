// Tells the page around this hidden frame what came of asking the provider.
const { outcome, sessionState } = document.body.dataset;

window.parent.postMessage({ outcome, sessionState }, window.location.origin);
