"""`headwater attribution`: what checks published epochs, and what measures and audits models."""

from headwater.audit import audit
from headwater.calibrate import calibrate
from headwater_attribution.cli import app

app.command()(calibrate)
app.command()(audit)

__all__ = ["app"]
