#!/bin/sh
# One refresh after another: data into the graph, vectors, models, a new index. A failed round ends the container, and the
# engine starts it again. It runs the existing commands; `interlace refresh`, which skips what has not changed, comes later.
set -eu

: "${PLATFORM:?name the platform of the ids in /data, for example PLATFORM=shop}"
: "${REFRESH_SECONDS:=86400}"
trap 'exit 0' TERM INT

while :; do
  interlace ingest /data --platform "$PLATFORM"
  interlace encode
  interlace train --publish
  sleep "$REFRESH_SECONDS" &
  wait $!
done
