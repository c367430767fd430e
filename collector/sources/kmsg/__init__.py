"""
The kernel log, read from /dev/kmsg.
"""
