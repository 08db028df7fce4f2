"""Trees as pictures: the branches of a debugger, the samples of one prompt."""
