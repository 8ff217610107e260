#!/usr/bin/env bash
# The functions and the trainer as they are deployed by default, those for arm64 that `make build ARCH=arm64` made, answer the sample events;
# where this machine has another processor, under Qemu.
#   tests/arm64/run.sh TARGET_FOLDER FUNCTION...
set -euo pipefail
cd "$(dirname "$0")/../.."
target=$(realpath "$1")
functions=("${@:2}")

emulator=()
if [ "$(uname -m)" != aarch64 ]; then
  emulator=(qemu-aarch64-static -L /usr/aarch64-linux-gnu)
  packages=(qemu-user-static libc6-arm64-cross libgcc-s1-arm64-cross)
  if ! command -v "${emulator[0]}" > /dev/null || ! [ -e /usr/aarch64-linux-gnu/lib/libgcc_s.so.1 ]; then
    [ "$(id -u)" = 0 ] || { echo "only root can install what is missing: ${packages[*]}" >&2; exit 1; }
    echo "installing ${packages[*]} …"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" > /dev/null
  fi
fi

[ -f "$target/lambda/front/bootstrap.zip" ] && [ -f "$target/aarch64-unknown-linux-gnu/release/trainer" ] \
  || { echo 'build the functions and the trainer first: make build ARCH=arm64' >&2; exit 1; }

# A local stack beside whose binary lie those for arm64.
stack=$target/arm64
rm -rf "$stack"
mkdir -p "$stack/built"
ln "$target/debug/automl-local" "$stack/automl-local"
for binary in "${functions[@]}" trainer; do
  built=$stack/built/$binary
  if [ $binary = trainer ]; then
    ln "$target/aarch64-unknown-linux-gnu/release/trainer" "$built"
  else
    python3 -m zipfile -e "$target/lambda/$binary/bootstrap.zip" "$stack/built/zip"
    mv "$stack/built/zip/bootstrap" "$built"
    chmod +x "$built"
  fi
  readelf -h "$built" | grep -q AArch64 || { echo "$binary is not for arm64: make build ARCH=arm64" >&2; exit 1; }
  printf '#!/bin/sh\nexec %s "%s" "$@"\n' "${emulator[*]}" "$built" > "$stack/$binary"
  chmod +x "$stack/$binary"
done
AUTOML_BINARIES=$stack cargo nextest run --workspace -E 'package(system-tests) and test(every_function_answers_its_sample_events)'
