"""
From facts to findings: pure state machines without a clock, a loop or I/O.
"""
