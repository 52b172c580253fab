#!/bin/sh
# Makes a directory with an ARM64 Python and LiteRT, in which `tfqnoise emulate` runs a model through qemu-user.
# Needs the Debian packages debootstrap and qemu-user-static, and pip. Nothing of what it unpacks is executed here.
#
#   sh scripts/arm64_root.sh DIRECTORY        (PYTHON names the Python whose LiteRT version is taken; python3 if unset)
set -eu
root=${1:?name a directory}
python=${PYTHON:-python3}
version=$("$python" -c 'import importlib.metadata as m; print(m.version("ai-edge-litert"))')
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

debootstrap --download-only --arch=arm64 --variant=minbase --include=python3-minimal,libpython3.11-stdlib \
    bookworm "$work/debs"
"$python" -m pip download --quiet --dest "$work/wheels" --only-binary=:all: --python-version 3.11 --implementation cp \
    --platform manylinux_2_28_aarch64 --platform manylinux_2_27_aarch64 --platform manylinux2014_aarch64 \
    "ai-edge-litert==$version"

mkdir -p "$root/usr/bin" "$root/usr/lib" "$root/usr/sbin" "$root/proc" "$root/site"
for name in bin lib sbin; do ln -sfn "usr/$name" "$root/$name"; done
for package in "$work"/debs/var/cache/apt/archives/*.deb; do
    dpkg-deb --fsys-tarfile "$package" | tar -x --keep-directory-symlink -C "$root"
done
for wheel in "$work"/wheels/*.whl; do "$python" -m zipfile -e "$wheel" "$root/site"; done
# LiteRT reads what the processor can do, and crashes where it can't.
{
    printf 'processor\t: 0\nFeatures\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid '
    printf 'asimdrdm lrcpc dcpop asimddp ssbs\nCPU implementer\t: 0x41\nCPU architecture: 8\nCPU variant\t: 0x3\n'
    printf 'CPU part\t: 0xd0b\nCPU revision\t: 1\n'
} > "$root/proc/cpuinfo"
echo "$root: LiteRT $version for ARM64"
