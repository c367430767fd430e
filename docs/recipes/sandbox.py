"""Run a command in a sandbox, then say why it ended: python sandbox.py IMAGE COMMAND..."""

import json
import subprocess
import sys

import docker

image, *command = sys.argv[1:]
options = {"mem_limit": "32m", "memswap_limit": "32m", "network_mode": "none", "auto_remove": True}
sandbox = docker.from_env().containers.run(image, command, detach=True, **options)
code = sandbox.wait()["StatusCode"]  # the container may be gone now: auto_remove is --rm

asked = subprocess.run(["exit137", "why", sandbox.id, "--json", "--wait", "10s"], stdout=subprocess.PIPE, check=False)
answer = json.loads(asked.stdout)
kills = len(answer.get("kills", ()))
print(json.dumps({"code": code, "settled": answer["settled"], "cause": answer.get("cause"), "oom_kills": kills}))
