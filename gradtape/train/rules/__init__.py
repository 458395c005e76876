"""Update rules, one a file, each a pure function of gradient, value, slots and hyperparameters.

    new_value, new_slots = rule(xp, gradient, value, slots, *, learning_rate, ...)

`xp` is an array namespace (NumPy, or jax.numpy in compiled steps). Gradient, value and slots are
real arrays of one shape and one dtype, float32 or float64; hyperparameters are numbers. Every rule
works on each element by itself, so that the caller may run it on any part of the arrays: on blocks
that fit the cache, or on the rows that a sparse gradient names. A rule never writes to its
arguments; `+=` stands on arrays that it made itself, which saves NumPy passes and memory and means
the same in namespaces whose arrays cannot be written.

Slots are a named tuple: its field names are the names of the variables that hold them, None where
an option leaves a slot out.
"""
