"""What a process that others are forked off has imported: what takes longest, for all of them."""

import headwater.calibrate
import headwater.chain
import headwater.demo.cli
import headwater.doctor
import headwater.main
import headwater_simulations.cli
import headwater_wallet.cli
import support.mortal

__all__ = ["headwater", "headwater_simulations", "headwater_wallet", "support"]
