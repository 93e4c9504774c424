"""Spans: which earlier rows hold the words of an answer, over an index that may exceed memory."""
