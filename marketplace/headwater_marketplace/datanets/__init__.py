"""Datanets: rows are sealed, shown, judged and versioned, round by round."""
