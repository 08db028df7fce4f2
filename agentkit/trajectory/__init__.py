"""The rollout as a value: what comes next, what it becomes, and every change of it. Pure: no clock,
no file, no thread.
"""
