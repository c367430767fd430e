"""
What must survive a crash: events, one outbox row per event and sink, and source positions, in one SQLite file.
"""
