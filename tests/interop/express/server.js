// A relying party with express-openid-connect, as its readme has it: sessions in
// encrypted cookies, and a store for what it is told by the back channel.

"use strict";

const express = require("express");

const { auth, requiresAuth } = require(process.env.INTEROP_PACKAGE);
const MemoryStore = require("memorystore")(auth);

const app = express();

app.use(
  auth({
    issuerBaseURL: process.env.INTEROP_ISSUER,
    baseURL: process.env.INTEROP_URL,
    clientID: process.env.INTEROP_CLIENT,
    clientSecret: process.env.INTEROP_SECRET,
    secret: process.env.INTEROP_SECRET,
    session: { name: process.env.INTEROP_CLIENT },
    authorizationParams: { response_type: "code", scope: "openid" },
    authRequired: false,
    enableTelemetry: false,
    idpLogout: true,
    routes: { postLogoutRedirect: "/bye" },
    backchannelLogout: {
      store: new MemoryStore({ checkPeriod: 24 * 60 * 60 * 1000 }),
    },
  }),
);

app.get("/private", requiresAuth(), (request, response) => {
  response.json({ user: request.oidc.user.sub });
});

app.get("/bye", (request, response) => {
  response.json({ signedIn: request.oidc.isAuthenticated() });
});

const server = app.listen(Number(process.env.INTEROP_PORT), "127.0.0.1", () => {
  console.log(`ready: ${process.env.INTEROP_URL}`);
});

process.on("SIGTERM", () => server.close(() => process.exit(0)));
