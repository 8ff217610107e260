# Sourced in the repository's root: buildah and podman then keep everything under target/image-test and use no settings of the machine's.
work=$PWD/target/image-test
mkdir -p "$work/tmp"
cat > "$work/storage.conf" <<END
[storage]
driver = "vfs"
graphroot = "$work/storage"
runroot = "$work/run"
END
# No limits of its own on open files, which a container's root may not be allowed to raise.
cat > "$work/containers.conf" <<END
[containers]
default_ulimits = []
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
tmp_dir = "$work/run/libpod"
END
export CONTAINERS_CONF=$work/containers.conf CONTAINERS_STORAGE_CONF=$work/storage.conf TMPDIR=$work/tmp
