"""Other people's checkpoints: what a file is, its tensors, and which of them are a network's parameters.

Nothing from a file is imported or run: `torch.load` reads with `weights_only=True`, always, and what it refuses is
read with stand-ins that only hold what the file says, or not at all. What can't be read is refused in one sentence.

    kinds        what a file is, by its content         reading      its content, as plain values and tensors
    stand_ins    for classes that files name            shards       files that are parts of one
    candidates   where in it weights may be             naming       their names without what wrappers put before them
    matching     names and shapes against a network     proposing    which name is which where only shapes agree
    tensors      what can't be a parameter              opening      all of that, in order
"""
