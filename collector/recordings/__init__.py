"""
Recordings: a live host in a folder, and back. `exit137 record` writes one, `exit137 replay` analyzes it on any machine.
"""

from collector.recordings.recorder import Recorder, RecorderError, Tally

__all__ = ["Recorder", "RecorderError", "Tally"]
