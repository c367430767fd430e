"""
A server that keeps every answer: 2 MiB a second, and a line in its log for each.
"""

import time

kept = []
while True:
    kept.append(bytearray(512 * 1024))
    print(f"answer {len(kept)}, session token=s3cr3t-{len(kept)}", flush=True)
    time.sleep(0.25)
