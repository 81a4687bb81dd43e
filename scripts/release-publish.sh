#!/bin/sh
# Publishes the draft that versions.txt of a commit names, and moves the major tag. Needs gh, and in the environment GH_TOKEN and
# GITHUB_REPOSITORY.
#   scripts/release-publish.sh COMMIT
# Nothing is published unless every asset has the checksum of the table and the provenance of the release workflow.
set -eu
cd "$(dirname "$0")/.."
. scripts/targets.sh
commit=$1

case $commit in *[!0-9a-f]*) commit='' ;; esac
[ ${#commit} -eq 40 ] || fail "the commit must be 40 hexadecimal digits"
rows=$(grep -Ev '^(#|$)' versions.txt) || { echo "versions.txt names no release: nothing to publish"; exit 0; }
version=$(printf '%s\n' "$rows" | cut -d ' ' -f 1 | sort -u)
is_version "$version" || fail "versions.txt does not name one version"
[ "$(printf '%s\n' "$rows" | wc -l)" -eq "$(printf '%s\n' "$targets" | wc -w)" ] || fail "versions.txt does not name each target once"
grep -q "^version = \"$version\"$" Cargo.toml || fail "Cargo.toml does not say that this is version $version"

draft=$(gh release view "v$version" --json isDraft --jq .isDraft) || fail "there is no draft v$version: run release-build"
got=$(mktemp -d)
trap 'rm -rf "$got"' EXIT
gh release download "v$version" --dir "$got"
for target in $targets; do
  file=$got/$(asset "$target")
  [ -s "$file" ] || fail "v$version has no $(asset "$target")"
  want=$(printf '%s\n' "$rows" | sed -n "s/^$version $target //p")
  [ -n "$want" ] || fail "versions.txt has no $target"
  is=$(sum "$file")
  [ "$is" = "$want" ] || fail "$(asset "$target") is not what was reviewed: wanted sha256 $want, got $is"
  gh attestation verify "$file" --repo "$GITHUB_REPOSITORY" --deny-self-hosted-runners \
    --signer-workflow "$GITHUB_REPOSITORY/.github/workflows/release-build.yml" ||
    fail "the provenance of $(asset "$target") is not confirmed"
done

api=repos/$GITHUB_REPOSITORY
tagged() { gh api "$api/git/ref/tags/$1" --jq .object.sha 2>/dev/null; }
if [ "$draft" = true ]; then
  # An old tag would be taken as it is, and lead to a commit without these checksums.
  if tagged "v$version" >/dev/null; then fail "the tag v$version is there already: take it away or raise the version"; fi
  gh release edit "v$version" --draft=false --target "$commit" --latest
fi
[ "$(tagged "v$version")" = "$commit" ] || fail "the tag v$version does not lead to $commit"

# No release belongs to the major tag, else it could never move again.
major=v${version%%.*}
if tagged "$major" >/dev/null; then
  gh api --silent --method PATCH "$api/git/refs/tags/$major" -f "sha=$commit" -F force=true
else
  gh api --silent --method POST "$api/git/refs" -f "ref=refs/tags/$major" -f "sha=$commit"
fi
[ "$(tagged "$major")" = "$commit" ] || fail "the tag $major does not lead to $commit"
echo "published: uses: $GITHUB_REPOSITORY@$commit # v$version"
