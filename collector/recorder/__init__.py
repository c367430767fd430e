"""
Records a live host in a folder that `exit137 replay` reads, so that a death can be looked at again elsewhere.
"""

from collector.recorder.recorder import Recorder, RecorderError, Tally

__all__ = ["Recorder", "RecorderError", "Tally"]
