#!/bin/sh
# A release without GitHub: the static binary of this machine is drafted, merged and published into a folder by the scripts of a
# release, and then found, checked and run by bootstrap.sh. Then what must be refused.
#   scripts/rehearse.sh BINARY
set -eu
cd "$(dirname "$0")/.."
. scripts/targets.sh
binary=$1
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder/checkout" "$folder/assets" "$folder/github" "$folder/bin"
cp -R Cargo.toml versions.txt bootstrap.sh scripts "$folder/checkout/"
cp tests/release/gh "$folder/bin/"
for target in $targets; do
  case $target in
  x86_64-unknown-linux-*) cp "$binary" "$folder/assets/$(asset "$target")" ;;
  *) echo "stands in for $target" >"$folder/assets/$(asset "$target")" ;;
  esac
done
PATH=$folder/bin:$PATH GITHUB_REPOSITORY=org/rehearsal GITHUB_SHA=1111111111111111111111111111111111111111
export PATH GITHUB_REPOSITORY GITHUB_SHA FAKE_GITHUB="$folder/github"

cd "$folder/checkout"
scripts/release-draft.sh "$version" "$folder/assets"
cp "$folder/github/files/release/v$version/versions.txt" .
scripts/release-publish.sh 2222222222222222222222222222222222222222

mirror=$folder/github/published
file=$mirror/v$version/fargate-stack-x86_64-unknown-linux-musl
step() { # as on a runner without cache; $1: what the smoke test must do
  rm -rf "$folder/cache" && mkdir "$folder/cache"
  if RUNNER_TOOL_CACHE=$folder/cache RUNNER_TEMP='' FARGATE_STACK_MIRROR=$mirror FARGATE_STACK_VERIFY_ATTESTATION=off \
    scripts/smoke.sh >"$folder/said" 2>&1; then done=pass; else done=refuse; fi
  cat "$folder/said"
  [ "$done" = "$1" ] || fail "the rehearsal was to $1"
}
step pass
for how in wrong truncated missing; do
  echo "-- $how asset"
  cp "$file" "$folder/kept"
  case $how in
  wrong) cp "$folder/assets/fargate-stack-aarch64-apple-darwin" "$file" ;;
  truncated) head -c 1000000 "$folder/kept" >"$file" ;;
  missing) rm "$file" ;;
  esac
  step refuse
  cp "$folder/kept" "$file"
done
echo "rehearsed: v$version, $(wc -c <"$binary" | tr -d ' ') bytes"
