"""
The real stacks in virtual time: an event loop whose clock jumps and whose sockets live in memory.

asyncua, pymodbus, the plant and the whole service run in it unmodified, minutes in a blink, the same for the same seed
on every Python: `loop` is time and order, `net` the cables and what may happen to them, `shim` the libraries' own clocks,
`hall` the reference hall with everything that a fault search may do to it.
"""
