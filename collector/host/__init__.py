"""
The interfaces of the host and its kernel: clock, procfs, inotify, drained descriptors, threads.
"""
