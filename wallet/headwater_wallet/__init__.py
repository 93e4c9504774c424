"""Keys, spend policy, spend ledger, channels and paying transports."""
