"""Run a command in a sandbox that keeps running, and say whether it was killed: python exec.py CONTAINER COMMAND..."""

import json
import subprocess
import sys
from datetime import UTC, datetime

import docker

name, *command = sys.argv[1:]
began = datetime.now(UTC).isoformat()
code, _ = docker.from_env().containers.get(name).exec_run(command)  # 137 may be a kill, or exit(137)

arguments = ["exit137", "why", name, "--json", "--since", began, "--wait", "10s"]
answer = json.loads(subprocess.run(arguments, stdout=subprocess.PIPE, check=False).stdout)
kills = len(answer.get("kills", ()))
print(json.dumps({"code": code, "settled": answer["settled"], "state": answer.get("state"), "oom_kills": kills}))
