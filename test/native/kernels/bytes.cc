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
