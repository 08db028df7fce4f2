"""The items of a Responses answer: their kinds, how one grows, what answers a call."""
