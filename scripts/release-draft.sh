#!/bin/sh
# Makes the draft of a release from what was built, and a pull request with its checksums. Needs gh, and in the environment
# GH_TOKEN, GITHUB_REPOSITORY and GITHUB_SHA (the commit that was built).
#   scripts/release-draft.sh VERSION FOLDER-OF-ASSETS
# No tag is made: publishing makes it, on the commit that holds the checksums.
set -eu
cd "$(dirname "$0")/.."
. scripts/targets.sh
version=$1
folder=$2

is_version "$version" || fail "\`$version\` is no version: write it as 1.2.3"
grep -q "^version = \"$version\"$" Cargo.toml || fail "Cargo.toml does not say that this is version $version"
table=$(mktemp -d)
trap 'rm -rf "$table"' EXIT
{
  echo '# The binaries of this commit: version, target, sha256 of the asset in the release. They are the only ones that run.'
  echo '# Written by scripts/release-draft.sh.'
  for target in $targets; do
    file=$folder/$(asset "$target")
    [ -s "$file" ] || fail "there is no $file"
    echo "$version $target $(sum "$file")"
  done
} >"$table/versions.txt"
for target in $targets; do
  echo "$(sum "$folder/$(asset "$target")")  $(asset "$target")"
done >"$table/SHA256SUMS"
cat >"$table/notes.md" <<END
Built from $GITHUB_SHA by \`release-build.yml\`. What changed: CHANGELOG.md.

Check a file: \`gh attestation verify FILE --repo $GITHUB_REPOSITORY --signer-workflow $GITHUB_REPOSITORY/.github/workflows/release-build.yml\`
END

if draft=$(gh release view "v$version" --json isDraft --jq .isDraft 2>/dev/null); then
  [ "$draft" = true ] || fail "v$version is published already: raise the version"
  gh release delete "v$version" --yes
fi
set -- "$table/SHA256SUMS"
for target in $targets; do set -- "$@" "$folder/$(asset "$target")"; done
gh release create "v$version" --draft --title "v$version" --notes-file "$table/notes.md" --target "$GITHUB_SHA" "$@"

# What GitHub gives back is what was built.
gh release download "v$version" --dir "$table/back"
for target in $targets; do
  cmp -s "$folder/$(asset "$target")" "$table/back/$(asset "$target")" || fail "the draft's $(asset "$target") is not what was built"
done

# A commit by the API: nothing here needs the right to push by git.
branch=release/v$version
api=repos/$GITHUB_REPOSITORY
if gh api --silent "$api/git/ref/heads/$branch" 2>/dev/null; then
  gh api --silent --method DELETE "$api/git/refs/heads/$branch"
fi
gh api --silent --method POST "$api/git/refs" -f "ref=refs/heads/$branch" -f "sha=$GITHUB_SHA"
old=$(gh api "$api/contents/versions.txt?ref=$branch" --jq .sha)
gh api --silent --method PUT "$api/contents/versions.txt" -f "branch=$branch" -f "sha=$old" \
  -f "message=release: checksums of v$version" -f "content=$(base64 <"$table/versions.txt" | tr -d '\n')"
gh pr create --base main --head "$branch" --title "release: v$version" \
  --body "Changes \`versions.txt\` only. The merge publishes the draft, whose tag will be the merge commit."
# A pull request that a workflow opens starts no other workflow by itself.
gh workflow run ci.yml --ref "$branch"
