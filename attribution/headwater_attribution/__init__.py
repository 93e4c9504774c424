"""Who caused an output, and how causes are paid: pure functions that a second party can recompute."""
