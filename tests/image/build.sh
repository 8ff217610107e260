#!/usr/bin/env bash
# Builds the trainer's image where there is no Docker engine and no registry of images: with Debian's buildah, on a Debian of its own as
# the builder, with this machine's Rust. What is kept lies under target/image-test.
#   OPTIMISED=1 tests/image/build.sh [amd64|arm64]
set -euo pipefail
cd "$(dirname "$0")/../.."
own=$(dpkg --print-architecture)
arch=${1:-$own}

missing=()
for tool in buildah podman runc debootstrap; do
  command -v $tool > /dev/null || missing+=($tool)
done
if [ ${#missing[@]} != 0 ]; then
  [ "$(id -u)" = 0 ] || { echo "only root can install what is missing: ${missing[*]}" >&2; exit 1; }
  echo "installing ${missing[*]} …"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null
fi

. tests/image/containers.sh

# What the official image of Rust has of Debian; its Rust is mounted below.
if ! buildah inspect --type image localhost/builder > /dev/null 2>&1; then
  echo 'making a Debian to build in …'
  container=$(buildah from scratch)
  root=$(buildah mount "$container")
  debootstrap --variant=minbase --include=ca-certificates,gcc,libc6-dev bookworm "$root" > "$work/debootstrap.log" \
    || { tail "$work/debootstrap.log" >&2; exit 1; }
  rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* "$root"/usr/share/doc
  buildah config --env PATH=/rust/bin:/usr/sbin:/usr/bin:/sbin:/bin --env CARGO_HOME=/cargo "$container"
  buildah commit --quiet --rm "$container" localhost/builder > /dev/null
fi

# Optimised as it is deployed, or as fast to build as is of use.
settings=()
[ -n "${OPTIMISED:-}" ] || settings=(-v "$PWD/tests/image/quick-build.toml:/.cargo/config.toml:ro")
# With the machine's settings of Cargo and the crates that it has; none of that gets into the image. Buildah 1.28 does not know by itself
# what BUILDPLATFORM is where a stage begins.
buildah build --isolation chroot --pull-never --platform "linux/$arch" -f training-image/Dockerfile -t "localhost/automl-trainer${1:+:$1}" \
  --build-arg BUILDER=localhost/builder --build-arg "BUILDPLATFORM=linux/$own" "${settings[@]}" \
  -v "$(rustc --print sysroot):/rust:ro" -v "${CARGO_HOME:-$HOME/.cargo}:/cargo" .
# The image of the build before.
podman image prune --force > /dev/null
