"""`headwater chain`: what reads and serves chains, and what sends to them with a wallet's key."""

from headwater_contracts.cli import app
from headwater_wallet.deploy_cli import deploy

app.command()(deploy)

__all__ = ["app"]
