"""
From findings to published events: form and sentences, no decisions.
"""
