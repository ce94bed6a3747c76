#include <algorithm>

#include "check.h"

namespace casc::test {
namespace {

/** A job for vectors of so many lanes, and the same one for the scalar kernel's. */
void sumRows(Round& round, const RowKernel& kernel) {
  Random& random = round.random;
  const RowKernel& scalar = round.scalar.rowsWide;
  const size_t lanes = kernel.lanes, vectors = random.size(1, kRowVectors);
  const size_t codeCount = random.size(1, 60), pixelCount = random.size(0, 20);
  RowJob job;
  job.vectors = vectors;
  job.pixelCount = pixelCount;
  auto weights = integers<int8_t>(random, codeCount * vectors * lanes, -127, 127);

  // Lanes past a vector's outputs carry zeros and may lie over the next vector's.
  Buffer<uint32_t> targets(vectors);
  uint32_t end = 0;
  for (size_t v = 0; v < vectors; ++v) {
    targets[v] = end;
    const size_t outputs = random.chance(50) ? lanes : random.size(1, lanes);
    for (size_t code = 0; code < codeCount; ++code) {
      int8_t* row = weights.data() + (code * vectors + v) * lanes;
      std::fill(row + outputs, row + lanes, int8_t{0});
    }
    end += static_cast<uint32_t>(outputs + random.size(0, 20));
  }

  Buffer<RowPixel> pixels(pixelCount);
  uint32_t first = 0, reach = 0;
  for (RowPixel& pixel : pixels) {
    const auto count = static_cast<uint32_t>(random.size(1, random.chance(10) ? 200 : 12));
    pixel = {first, count, static_cast<uint32_t>(random.size(0, 400))};
    first += count;
    reach = std::max(reach, pixel.target);
  }
  Buffer<uint16_t> codes(first);
  for (uint16_t& code : codes) code = static_cast<uint16_t>(random.size(0, codeCount - 1));
  const size_t size = reach + targets[vectors - 1] + lanes;

  Buffer<uint32_t> parts(vectors * lanes / scalar.lanes);
  for (size_t i = 0; i < parts.size(); ++i) {
    const size_t lane = i * scalar.lanes;
    parts[i] = targets[lane / lanes] + static_cast<uint32_t>(lane % lanes);
  }
  job.pixels = pixels.data();
  job.codes = codes.data();
  job.weights = weights.data();
  // The scalar kernel's vectors are shorter.
  RowJob same = job;
  same.vectors = parts.size();
  same.targets = parts.data();
  job.targets = targets.data();
  if (random.chance(50)) {
    auto expected = integers<int16_t>(random, size, -2000, 2000);
    auto sums = expected;
    job.sums = sums.data();
    same.sums = expected.data();
    kernel.add(job);
    scalar.add(same);
    round.equal("sums", expected, sums);
  } else {
    auto expected = integers<int32_t>(random, size, -200'000, 200'000);
    auto sums = expected;
    job.wideSums = sums.data();
    same.wideSums = expected.data();
    kernel.add(job);
    scalar.add(same);
    round.equal("wide sums", expected, sums);
  }
}

}  // namespace

void rows(Round& round) {
  sumRows(round, round.random.chance(50) ? round.kernels.rowsNarrow : round.kernels.rowsWide);
}

void codes(Round& round) {
  Random& random = round.random;
  const size_t w = random.size(0, 20),
               c = random.chance(50) ? 8 * random.size(1, 20) : random.size(1, 70);
  const auto row = spikes(random, w * c);
  const auto count = static_cast<uint32_t>(random.size(0, 30));
  Buffer<uint16_t> expected(count + w * c + kCodeSlack);
  Buffer<uint32_t> expectedBegin(w + 1);
  auto got = expected;
  auto begin = expectedBegin;
  round.scalar.collectCodes(row.data(), w, c, count, expected.data(), expectedBegin.data());
  round.kernels.collectCodes(row.data(), w, c, count, got.data(), begin.data());
  round.equal("begin", expectedBegin, begin);
  round.equal("codes", expected, got, expectedBegin[w]);
}

}  // namespace casc::test
