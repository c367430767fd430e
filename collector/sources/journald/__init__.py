"""
The journald source: kernel lines, and the messages of OOM killers, from the systemd journal.

Only this folder imports python-systemd.
"""
