"""
The trace source: who sent the signal that ended a container, and which process the OOM killer chose.
"""
