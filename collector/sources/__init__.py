"""
Where evidence comes from: one file per input. Each yields facts with the position they were read at.
"""
