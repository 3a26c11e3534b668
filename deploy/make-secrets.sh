#!/bin/sh
# Writes deploy/secrets/: a random password for Neo4j, and the name and password that the page asks for. Existing ones are kept.
# Usage: deploy/make-secrets.sh [NAME]   (default: the page's user is called interlace)
set -eu
cd "$(dirname "$0")"
name=${1:-interlace}
mkdir -p secrets
chmod 700 secrets
# The containers read these files as other users than their owner, so the files are readable and the folder is not.
umask 022
if [ ! -s secrets/neo4j_password ]; then
  openssl rand -hex 24 | tr -d '\n' > secrets/neo4j_password
  printf 'neo4j/%s' "$(cat secrets/neo4j_password)" > secrets/neo4j_auth
fi
if [ ! -s secrets/page_users ]; then
  password=$(openssl rand -hex 12)
  printf '%s:%s\n' "$name" "$(printf '%s' "$password" | openssl passwd -6 -stdin)" > secrets/page_users
  echo "The page's name and password, shown only now: $name $password"
fi
