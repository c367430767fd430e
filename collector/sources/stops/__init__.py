"""
Watch for kills that do not end.
"""
