"""Thousands of rollouts as a table: nothing is read, and no column worked out, before it is looked
at.
"""

from agentkit.explorer.explorer import Explorer, explore
from agentkit.explorer.groups import Group, Spread
from agentkit.explorer.labels import Labels
from agentkit.explorer.query import Query, parse_query

__all__ = ["Explorer", "Group", "Labels", "Query", "Spread", "explore", "parse_query"]
