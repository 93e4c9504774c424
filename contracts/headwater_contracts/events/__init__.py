"""What contracts record: one frozen dataclass an event, and the books rebuilt from them."""
