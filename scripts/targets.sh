# shellcheck shell=sh
# Sourced by the scripts of a release: what it consists of, and how its table is read.

# shellcheck disable=SC2034 # for those who source this
targets='x86_64-unknown-linux-musl aarch64-unknown-linux-musl x86_64-apple-darwin aarch64-apple-darwin x86_64-pc-windows-msvc'

fail() { # the reason, on one line
  printf '::error title=release::%s\n' "$1" >&2
  exit 1
}

asset() { # the file of a target
  case $1 in *-windows-*) echo "fargate-stack-$1.exe" ;; *) echo "fargate-stack-$1" ;; esac
}

sum() { # sha256 of a file
  if command -v sha256sum >/dev/null; then sha256sum <"$1"; else shasum -a 256 <"$1"; fi | cut -d ' ' -f 1
}

is_version() { # 1.2.3, and nothing else; grep looks at each line by itself
  case $1 in *[!0-9.]*) return 1 ;; esac
  printf '%s\n' "$1" | grep -Eqx '(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)'
}
