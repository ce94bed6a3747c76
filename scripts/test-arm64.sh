#!/usr/bin/env bash
# The kernels for arm64, on a machine that is none: compiles kernels and engine with a cross compiler, warnings being errors,
# and runs the native test of the kernels under emulation, on a CPU with dot products of bytes and on one without.
#   scripts/test-arm64.sh [seed] [rounds]
# Debian: apt-get install g++-aarch64-linux-gnu qemu-user
set -euo pipefail
cd "$(dirname "$0")/.."
export CXX=aarch64-linux-gnu-g++
for tool in "$CXX" qemu-aarch64; do
  command -v "$tool" >/dev/null || { echo "$tool is not installed (Debian: apt-get install g++-aarch64-linux-gnu qemu-user)" >&2; exit 1; }
done
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

find native/engine -name '*.cc' |
  xargs -P "$(nproc)" -I{} "$CXX" -std=c++20 -O2 -Wall -Wextra -Wshadow -Werror -ffp-contract=off -fno-math-errno -Inative -c {} -o /dev/null
echo "engine: compiled without warnings"

CXXFLAGS=-static scripts/kernels-test.sh "$folder"
for cpu in max cortex-a72; do
  echo "$cpu"
  qemu-aarch64 -cpu "$cpu" "$folder/kernels-test" "${1:-1}" "${2:-500}"
done
