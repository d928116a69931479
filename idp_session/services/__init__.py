"""What the package does, written against the ports."""
