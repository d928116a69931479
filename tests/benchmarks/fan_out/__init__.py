"""What a logout costs when many clients are to be told: ours and npm's oidc-provider."""
