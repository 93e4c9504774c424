"""Who caused an output and how causes are paid: pure functions that anyone can recompute."""
