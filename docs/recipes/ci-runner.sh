#!/bin/sh
# A step of a CI runner: run the job in a container, and when it fails say why before the log is closed.
#   ci-runner.sh IMAGE COMMAND...
id=$(docker run --detach --network none --memory "${JOB_MEMORY:-32m}" --memory-swap "${JOB_MEMORY:-32m}" "$@") || exit
docker logs --follow "$id"
code=$(docker wait "$id")
if [ "$code" -ne 0 ]; then
    exit137 why "$id" --wait 10s || true
fi
docker rm "$id" >/dev/null
exit "$code"
