"""Rows that models are tuned on: an instruction, a prompt and its completion, a pair of them."""
