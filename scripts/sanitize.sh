#!/usr/bin/env bash
# The tests under AddressSanitizer and UndefinedBehaviorSanitizer: rebuilds the addon with both, runs the suite without large data sets,
# then two large nets on some images (or the tests that are named), and puts the normal build back.
set -euo pipefail
cd "$(dirname "$0")/.."

restore() { CASC_SANITIZE=0 CASC_BUILD=cmake node scripts/install.js >/dev/null; }
trap restore EXIT

CASC_SANITIZE=1 CASC_BUILD=cmake node scripts/install.js
libraries="$(g++ -print-file-name=libasan.so):$(g++ -print-file-name=libubsan.so)"
sanitized() {
  # Node.js itself frees nothing at exit, so leaks are looked for by the memory tests, which a small quarantine keeps meaningful.
  ASAN_OPTIONS=detect_leaks=0:halt_on_error=1:quarantine_size_mb=16 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 \
    CASC_SANITIZED=1 LD_PRELOAD="$libraries" node node_modules/jest/bin/jest.js --runInBand "$@"
}

if (($#)); then
  sanitized "$@"
else
  # Accuracy on thousands of images reaches no code that these do not.
  CASC_DATA=/nowhere CASC_REQUIRE_DATA=0 sanitized
  sanitized test/acceptance/large-nets.test.ts
fi
