// npm's oidc-provider as its documentation sets it up: back-channel logout enabled, the
// adapter that it comes with, RS256. Its clients and keys come from the file that is
// named on the command line: { issuer, port, clients: { id: uri }, keys: { keys: [] } }.

import { readFileSync } from "node:fs";

import { Provider } from "oidc-provider";

const { issuer, port, clients, keys } = JSON.parse(readFileSync(process.argv[2]));

const provider = new Provider(issuer, {
  clients: Object.entries(clients).map(([id, uri]) => ({
    client_id: id,
    client_secret: "a secret that nobody asks for",
    redirect_uris: ["https://client.example/callback"],
    backchannel_logout_uri: uri,
    backchannel_logout_session_required: true,
  })),
  jwks: keys,
  cookies: { keys: ["a secret that signs the cookies"] },
  features: {
    backchannelLogout: { enabled: true },
    devInteractions: { enabled: false },
  },
  // Without the dispatcher that keeps it from loopback addresses, where all clients are.
  fetch: (url, { dispatcher, ...options }) => globalThis.fetch(url, options),
});

// A session with all clients at once, as if each of them had been signed in to.
provider.use(async (ctx, next) => {
  if (ctx.path !== "/begin") return next();

  const session = await provider.Session.get(ctx);
  session.loginAccount({ accountId: "alice" });

  for (const id of Object.keys(clients)) {
    session.ensureClientContainer(id);
    await provider.Client.find(id);
  }

  await session.save(3600);
  ctx.cookies.set(provider.cookieName("session"), session.id, { signed: true });
  ctx.body = {};
});

provider.listen(port, "127.0.0.1", () => console.log("Listening"));
