"""Money as integers, the x402 and EIP-712 wire, vouchers and receipts, without any input or output."""
