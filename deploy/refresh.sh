#!/bin/sh
# The refresh service: names the dataset folder once, then refreshes by a schedule, each time only what changed. A refresh that
# fails is tried again; an ingest that fails ends the container, and the engine starts it again.
set -eu

: "${PLATFORM:?name the platform of the ids in /data, for example PLATFORM=shop}"

interlace ingest /data --platform "$PLATFORM"
if [ -n "${REFRESH_CRON:-}" ]; then
  exec interlace refresh --now --cron "$REFRESH_CRON"
fi
exec interlace refresh --now --every "${REFRESH_EVERY:-1d}"
