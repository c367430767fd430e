"""
A server that keeps every answer: 2.5 MiB a second, and a line in its log for each.
"""

import sys
import time

kept = []
while True:
    kept.append(bytearray(256 * 1024))
    sys.stdout.write(f"answer {len(kept)}, session token=s3cr3t-{len(kept)}\n")
    sys.stdout.flush()
    time.sleep(0.1)
