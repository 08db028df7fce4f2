"""Rollouts as pandas frames: a row per turn, call, message, problem or token, with documented
columns and dtypes that never depend on the data.
"""

from agentkit.frames.calls import tool_calls_df
from agentkit.frames.messages import messages_df
from agentkit.frames.problems import problems_df
from agentkit.frames.tokens import tokens_df
from agentkit.frames.turns import turns_df

__all__ = ["messages_df", "problems_df", "tokens_df", "tool_calls_df", "turns_df"]
