"""
Analyze the memory of containers: curves and their shapes, warnings, forecasts, advice.

Everything here is a pure function or a state machine: samples and times in, findings out, no I/O and no clock.
"""
