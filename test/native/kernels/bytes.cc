#include "check.h"

namespace casc::test {

void shortcut(Round& round) {
  Random& random = round.random;
  const size_t length = random.size(0, 300);
  const auto values = spikes(random, length, random.chance(40));
  const auto factors = integers<int32_t>(random, length, kLow32, kHigh32);
  auto expected = integers<int32_t>(random, length, kLow32, kHigh32);
  auto sums = expected;
  round.scalar.addShortcut(values.data(), factors.data(), expected.data(), length);
  round.kernels.addShortcut(values.data(), factors.data(), sums.data(), length);
  round.equal("sums", expected, sums);
}

void bytes(Round& round) {
  Random& random = round.random;
  const ByteKernels &scalar = round.scalar.bytes, &kernels = round.kernels.bytes;
  // Counts of 255 blocks of 64 fill a byte.
  const size_t length = random.chance(10) ? random.size(0, 2 * 255 * 64 + 99) : random.size(0, 300);
  const auto values =
      random.chance(50) ? spikes(random, length) : integers<int8_t>(random, length, -128, 127);
  round.value("nonZeros", scalar.nonZeros(values.data(), length),
              kernels.nonZeros(values.data(), length));

  auto expected = integers<int8_t>(random, length, -128, 127);
  auto sums = expected;
  scalar.add(expected.data(), values.data(), length);
  kernels.add(sums.data(), values.data(), length);
  round.equal("add", expected, sums);
  scalar.max(expected.data(), values.data(), length);
  kernels.max(sums.data(), values.data(), length);
  round.equal("max", expected, sums);

  Buffer<int8_t> expectedChanges(length);
  auto changes = expectedChanges;
  round.value("changes",
              scalar.change(expectedChanges.data(), expected.data(), values.data(), length),
              kernels.change(changes.data(), sums.data(), values.data(), length));
  round.equal("change", expectedChanges, changes);
  round.equal("held", expected, sums);

  Buffer<uint8_t> expectedShift(length);
  auto shifted = expectedShift;
  const auto offset = static_cast<int32_t>(random.between(0, 128));
  scalar.shift(expectedShift.data(), values.data(), offset, length);
  kernels.shift(shifted.data(), values.data(), offset, length);
  round.equal("shift", expectedShift, shifted);

  const auto terms = integers<int32_t>(random, length, kLow32, kHigh32);
  auto expectedTimes = integers<int32_t>(random, length, kLow32, kHigh32);
  auto times = expectedTimes;
  const auto factor = static_cast<int32_t>(random.between(kLow32, kHigh32));
  scalar.addTimes(expectedTimes.data(), factor, terms.data(), length);
  kernels.addTimes(times.data(), factor, terms.data(), length);
  round.equal("addTimes", expectedTimes, times);
}

void levels(Round& round) {
  Random& random = round.random;
  const ByteKernels &scalar = round.scalar.bytes, &kernels = round.kernels.bytes;
  const size_t length = random.size(0, 300);
  const auto values = integers<int32_t>(random, length, kLow32, kHigh32);
  auto low = static_cast<int32_t>(random.between(kLow32, kHigh32)), high = low;
  int32_t expectedLow = low, expectedHigh = high;
  scalar.range(values.data(), length, expectedLow, expectedHigh);
  kernels.range(values.data(), length, low, high);
  round.value("low", expectedLow, low);
  round.value("high", expectedHigh, high);

  const auto near = integers<int32_t>(random, length, -300, 300);
  Buffer<int8_t> expectedPart(length);
  auto part = expectedPart;
  const auto from = static_cast<int32_t>(random.chance(20) ? kLow32 : random.between(-300, 300));
  scalar.part(expectedPart.data(), near.data(), from, length);
  kernels.part(part.data(), near.data(), from, length);
  round.equal("part", expectedPart, part);

  LevelsRow row;
  row.length = length;
  row.levels = static_cast<int32_t>(random.between(1, 127));
  const auto most = random.chance(50) ? 40 : kSum / 128;
  const auto thresholds = integers<int32_t>(random, length, 1, most);
  Buffer<float> inverses(length);
  for (size_t i = 0; i < length; ++i) inverses[i] = 1.0f / static_cast<float>(thresholds[i]);
  const auto sums = integers<int32_t>(random, length, -2 * most, 150 * most);
  const auto offsets = integers<int32_t>(random, length, -most, most);
  const auto factors = integers<int32_t>(random, length, -most, most);
  const auto shortcut = integers<int8_t>(random, length, 0, 127);
  row.sums = sums.data();
  row.offsets = offsets.data();
  row.thresholds = thresholds.data();
  row.inverses = inverses.data();
  if (random.chance(50)) row.shortcut = shortcut.data();
  row.factors = factors.data();
  Buffer<int8_t> expectedCounts(length);
  auto counts = expectedCounts;
  scalar.levels(expectedCounts.data(), row);
  kernels.levels(counts.data(), row);
  round.equal("levels", expectedCounts, counts);
  for (size_t i = 0; i < length; ++i) {
    const int64_t x =
        int64_t{sums[i]} + offsets[i] + (row.shortcut ? int64_t{factors[i]} * shortcut[i] : 0);
    const int64_t q = x / thresholds[i] - (x % thresholds[i] < 0 ? 1 : 0);
    const int64_t exact = q < 0 ? 0 : q > row.levels ? row.levels : q;
    if (counts[i] == exact) continue;
    return round.differ("exact levels", i, static_cast<double>(exact), counts[i]);
  }
}

void pools(Round& round) {
  Random& random = round.random;
  const size_t c = random.size(1, 70);
  PoolAxis axis;
  axis.in = random.size(1, 20);
  axis.kernel = random.between(1, 5);
  axis.stride = random.between(1, 3);
  axis.pad = random.between(0, axis.kernel);
  axis.dilation = random.between(1, 3);
  axis.out = random.size(1, 20);
  const auto row = spikes(random, axis.in * c, random.chance(50));
  Buffer<int8_t> expected(axis.out * c);
  auto maxima = expected;
  round.scalar.bytes.maxPixels(expected.data(), row.data(), c, axis);
  round.kernels.bytes.maxPixels(maxima.data(), row.data(), c, axis);
  round.equal("maxima", expected, maxima);
}

}  // namespace casc::test
