#!/bin/sh
# In any script that runs containers: name the container, and ask when the script ends with an error.
#   trap.sh IMAGE COMMAND...
name="job-$$"
trap 'code=$?; [ "$code" -eq 0 ] || exit137 why "$name" --wait 10s; exit "$code"' EXIT
docker run --rm --name "$name" --network none --memory 32m --memory-swap 32m "$@"
