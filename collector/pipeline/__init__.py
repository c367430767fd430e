"""
The one loop of the agent: from the sources through the analyzer into the store.
"""
