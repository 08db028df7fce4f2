"""Several samples of one prompt, or the choices of one answer, as a tree of what they did."""

from agentkit.read.choices import choices_of
from agentkit.samples.tree import Branch, SampleTree, sample_tree

__all__ = ["Branch", "SampleTree", "choices_of", "sample_tree"]
