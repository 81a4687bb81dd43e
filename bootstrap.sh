# shellcheck shell=sh
# Sourced by action.yml on Linux and macOS. Sets FSA_BIN to the binary that versions.txt of this commit names, after its bytes
# were checked, or to the one of the input `binary`; else ends the step. The checksum is what protects: not TLS, not the cache.
umask 077
fsa_part='' # the folder of an unfinished download

fsa_fail() { # says why on one line, so that no part of the text can become a workflow command of its own
  [ -z "$fsa_part" ] || rm -rf "$fsa_part"
  printf '::error title=fargate-stack::%s\n' "$(printf '%s' "$1" | tr '\r\n' '  ' | sed 's/%/%25/g')"
  exit 1
}

fsa_sum() { # sha256 of a file; nothing when there is no file or no tool. Standard input, since tools mark odd names in the sum
  [ -f "$1" ] || return 0
  if command -v sha256sum >/dev/null; then sha256sum <"$1"
  elif command -v shasum >/dev/null; then shasum -a 256 <"$1"
  else openssl dgst -sha256 -r <"$1"; fi | cut -d ' ' -f 1
}

fsa_fetch() { # URL or folder of releases, path below it, file to write
  case $1 in
  https://*)
    if command -v curl >/dev/null; then
      curl --fail --silent --show-error --location --proto '=https' --proto-redir '=https' --tlsv1.2 \
        --retry 3 --connect-timeout 20 --max-time 300 --output "$3" -- "$1/$2"
    else wget -q -T 60 -O "$3" "$1/$2"; fi ;;
  file://*) cp -- "${1#file://}/$2" "$3" ;;
  *://*) fsa_fail "the input 'mirror' is neither https:// nor file:// nor a folder" ;;
  *) cp -- "$1/$2" "$3" ;;
  esac
}

fsa_attest() { # asks for the build provenance of a file; $2: it was downloaded just now
  fsa_mode=${FARGATE_STACK_VERIFY_ATTESTATION:-auto}
  case $fsa_mode in
  off) return 0 ;;
  require) command -v gh >/dev/null || fsa_fail "verify-attestation is \`require\`, and there is no gh on this runner" ;;
  auto) { [ -n "$2" ] && [ -n "$fsa_repository" ] && command -v gh >/dev/null && GH_HOST=github.com GH_TOKEN=${GITHUB_TOKEN:-} \
    gh api --silent rate_limit >/dev/null 2>&1; } || return 0 ;;
  *) fsa_fail "verify-attestation is \`$fsa_mode\`: write auto, require or off" ;;
  esac
  GH_HOST=github.com GH_TOKEN=${GITHUB_TOKEN:-} gh attestation verify "$1" --repo "$fsa_repository" \
    --signer-workflow "$fsa_repository/.github/workflows/release-build.yml" --deny-self-hosted-runners >&2 ||
    fsa_fail "the build provenance of $fsa_asset is not confirmed (verify-attestation: $fsa_mode)"
}

fsa_own() { # the binary of the input `binary`: a path, or a name on the PATH
  case $FARGATE_STACK_BINARY in
  -* | *"
"*) fsa_fail "the input 'binary' is no path: \`$FARGATE_STACK_BINARY\`" ;;
  */*) FSA_BIN=$FARGATE_STACK_BINARY ;;
  *) FSA_BIN=$(command -v "$FARGATE_STACK_BINARY") || FSA_BIN=$FARGATE_STACK_BINARY ;;
  esac
  case $FSA_BIN in /*) ;; *) FSA_BIN=$PWD/$FSA_BIN ;; esac
  [ -f "$FSA_BIN" ] || fsa_fail "the input 'binary' names \`$FSA_BIN\`, which is not there"
  [ -x "$FSA_BIN" ] || fsa_fail "the input 'binary' names \`$FSA_BIN\`, which cannot be executed"
  echo "fargate-stack: $FSA_BIN, as the input 'binary' says; not checked" >&2
}

fsa_pinned() { # the binary of versions.txt
  fsa_hint="name a binary of your own with the input 'binary'"
  case $(uname -s)-$(uname -m) in
  Linux-x86_64 | Linux-amd64) fsa_target=x86_64-unknown-linux-musl ;;
  Linux-aarch64 | Linux-arm64) fsa_target=aarch64-unknown-linux-musl ;;
  Darwin-arm64) fsa_target=aarch64-apple-darwin ;;
  Darwin-x86_64) fsa_target=x86_64-apple-darwin ;;
  *) fsa_fail "there is no binary for $(uname -s) on $(uname -m): $fsa_hint" ;;
  esac
  fsa_version='' fsa_want=''
  while read -r fsa_v fsa_t fsa_s; do
    case $fsa_v in '' | '#'*) continue ;; esac
    [ "${fsa_version:-$fsa_v}" = "$fsa_v" ] || fsa_fail "versions.txt names two versions, $fsa_version and $fsa_v"
    fsa_version=$fsa_v
    if [ "$fsa_t" = "$fsa_target" ]; then fsa_want=$fsa_s; fi
  done <"$GITHUB_ACTION_PATH/versions.txt"
  [ -n "$fsa_version" ] || fsa_fail "this commit of the action names no binary, since it is not a release: pin the commit of a release, or $fsa_hint"
  [ -n "$fsa_want" ] || fsa_fail "version $fsa_version has no binary for $fsa_target: $fsa_hint"
  case $fsa_version$fsa_want in *[!0-9A-Za-z.+-]*) fsa_fail "versions.txt is damaged" ;; esac
  [ ${#fsa_want} -eq 64 ] || fsa_fail "versions.txt is damaged: no sha256 for $fsa_target"

  fsa_asset=fargate-stack-$fsa_target
  fsa_repository=${FARGATE_STACK_ACTION_REPOSITORY:-}
  fsa_below=fargate-stack/$fsa_version/$fsa_target
  for fsa_root in "${RUNNER_TOOL_CACHE:-}" "${RUNNER_TEMP:-}"; do
    FSA_BIN=$fsa_root/$fsa_below/fargate-stack
    # The cache of a runner that is kept can be written by every job before this one: hashed on every use.
    if [ -n "$fsa_root" ] && [ -x "$FSA_BIN" ] && [ "$(fsa_sum "$FSA_BIN")" = "$fsa_want" ]; then
      fsa_attest "$FSA_BIN" ''
      echo "fargate-stack: $fsa_version from $fsa_root, $fsa_want" >&2
      return 0
    fi
  done

  for fsa_root in "${RUNNER_TOOL_CACHE:-}" "${RUNNER_TEMP:-}"; do
    if [ -n "$fsa_root" ] && mkdir -p "$fsa_root/$fsa_below" 2>/dev/null &&
      fsa_part=$(mktemp -d "$fsa_root/$fsa_below/.part.XXXXXX" 2>/dev/null); then break; fi
    fsa_part=''
  done
  [ -n "$fsa_part" ] || fsa_fail "neither RUNNER_TOOL_CACHE nor RUNNER_TEMP can be written: $fsa_hint"
  fsa_from=${FARGATE_STACK_MIRROR:-}
  if [ -z "$fsa_from" ]; then
    # Releases are on github.com also when the job runs on a server of its own.
    case $fsa_repository in
    *[!A-Za-z0-9._/-]* | */*/* | /* | */) fsa_from='' ;;
    */*) fsa_from=https://github.com/$fsa_repository/releases/download ;;
    esac
    [ -n "$fsa_from" ] || fsa_fail "the repository of the action is not known, so neither is its release: name the input 'mirror'"
  fi
  fsa_got=''
  if fsa_fetch "${fsa_from%/}" "v$fsa_version/$fsa_asset" "$fsa_part/fargate-stack" >&2; then
    fsa_got=$(fsa_sum "$fsa_part/fargate-stack")
    [ -n "$fsa_got" ] || fsa_got="no sum: sha256sum, shasum and openssl are missing"
  fi
  if [ "$fsa_got" != "$fsa_want" ]; then
    [ -n "$fsa_got" ] || fsa_fail "cannot download $fsa_asset of version $fsa_version: name the input 'mirror', or $fsa_hint"
    fsa_fail "refused: $fsa_asset of version $fsa_version is not what this commit names. Wanted sha256 $fsa_want, got $fsa_got. It was not run"
  fi
  chmod 700 "$fsa_part/fargate-stack"
  fsa_attest "$fsa_part/fargate-stack" new
  FSA_BIN=$fsa_root/$fsa_below/fargate-stack
  if mv -f -- "$fsa_part/fargate-stack" "$FSA_BIN" 2>/dev/null; then rmdir "$fsa_part"; else FSA_BIN=$fsa_part/fargate-stack; fi
  echo "fargate-stack: $fsa_version downloaded, $fsa_want" >&2
}

if [ -n "${FARGATE_STACK_BINARY:-}" ]; then fsa_own; else fsa_pinned; fi
# For the last step of the action, which tells the end of a cancelled job.
if [ -n "${GITHUB_OUTPUT:-}" ]; then printf 'binary=%s\n' "$FSA_BIN" >>"$GITHUB_OUTPUT"; fi
