"""
Pure state machines from facts to events: no clock, no loop, no I/O.
"""
