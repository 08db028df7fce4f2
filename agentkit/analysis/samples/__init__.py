"""Several samples of one prompt, or the choices of one answer, as a tree of what they did."""

from agentkit.analysis.sample_tree import Branch, SampleTree, sample_tree
from agentkit.read.choices import choices_of

__all__ = ["Branch", "SampleTree", "choices_of", "sample_tree"]
