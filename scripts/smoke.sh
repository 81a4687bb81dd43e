#!/bin/sh
# Gets the binary as the action does, by this checkout's bootstrap.sh and versions.txt, and runs it.
#   scripts/smoke.sh
set -eu
GITHUB_ACTION_PATH=$(cd "$(dirname "$0")/.." && pwd)
version=$(sed -n 's/^\([0-9][^ ]*\) .*/\1/p' "$GITHUB_ACTION_PATH/versions.txt" | sort -u)
# shellcheck source=bootstrap.sh
. "$GITHUB_ACTION_PATH/bootstrap.sh"
said=$("$FSA_BIN" --version)
echo "$said"
case $said in
"fargate-stack $version" | "fargate-stack $version ("*")") ;;
*) echo "::error title=release::the binary does not say that it is version $version" && exit 1 ;;
esac
