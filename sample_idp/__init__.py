"""A small OpenID provider and two clients, built on the public names of idp_session."""
