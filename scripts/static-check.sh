#!/bin/sh
# Is this program static, how large is it, what does it say, how soon does it start?
#   scripts/static-check.sh FILE
set -eu
file=$1
# `ldd` speaks of a program without libraries in one of two ways, on one of two streams.
case $(LC_ALL=C ldd "$file" 2>&1 || true) in
*'statically linked'* | *'not a dynamic executable'* | *'Not a valid dynamic program'*) ;;
*) echo "$file needs libraries:" >&2 && ldd "$file" >&2 && exit 1 ;;
esac
echo "static: $(wc -c <"$file" | tr -d ' ') bytes, sha256 $(sha256sum <"$file" | cut -d ' ' -f 1)"
"$file" --version
begin=$(date +%s%N)
n=0
while [ $n -lt 20 ]; do
  "$file" --version >/dev/null
  n=$((n + 1))
done
echo "starts in $((($(date +%s%N) - begin) / 20000)) microseconds, the mean of 20"
