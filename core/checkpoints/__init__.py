"""Other people's checkpoints: what a file is, its tensors, and which of them are a network's parameters.

Nothing from a file is imported or run: `torch.load` reads with `weights_only=True`, always, and what it refuses is
read with stand-ins that only hold what the file says, or not at all. What can't be read is refused in one sentence.

    kinds, archives   what a file is, by its content        reading, shards   its content, as plain values and tensors
    stand_ins         for classes that files name           pickles           which these are
    candidates        where in it weights may be            choosing          which of them are meant
    naming            names without what wrappers add       proposing         which is which where only shapes agree
    network_state     what a network asks for               matching          what of that is there, and what is not
    tensors           what can't be a parameter             opening, opened   all of that in order, and what it gives
    writing           a model back under the file's names
"""
