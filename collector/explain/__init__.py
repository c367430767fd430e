"""
From what is known to what a person reads: `exit137 explain`.
"""
