"""Money as integers and the x402 and EIP-712 wire: pure functions, no input or output."""
