"""Charts of rollouts as plotly figures, with an SVG beside each for pages that run no script.

    ak.charts.latency(x)       where the time of each turn goes
    ak.charts.errors(x)        what went wrong, by code and turn
    ak.charts.context(x)       tokens per turn, and how the context grows
    ak.charts.percentiles(x)   how long tools and servers take, over many rollouts

`x` is one rollout or many, as for `ak.turns_df`; or the frame itself.
"""

from typing import TYPE_CHECKING

from agentkit.errors import names_of
from agentkit.show.charts.context import context
from agentkit.show.charts.errors import errors
from agentkit.show.charts.latency import latency
from agentkit.show.charts.percentiles import percentiles

__all__ = ["context", "errors", "latency", "percentiles"]

_IN_TABLES = dict.fromkeys(
    ("over", "steps", "reward", "rewards", "length", "lengths"),
    "ak.explore(x) draws rewards and lengths over steps, ak.explore(x).over('step') gives them",
)

if not TYPE_CHECKING:  # a type checker should go on reporting names that are not there
    __getattr__ = names_of("agentkit.charts", __all__, "ak.charts", _IN_TABLES)


def __dir__() -> list[str]:
    return __all__
