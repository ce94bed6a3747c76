// The dense pass and its way back: packing and snapping bit for bit, other sums within rounding.
#include <algorithm>
#include <cmath>
#include <limits>

#include "check.h"

namespace casc::test {
namespace {

/** `sums` of up to `terms` products of numbers of at most 3. */
void near(Round& round, const char* what, const Buffer<float>& expected, const Buffer<float>& got,
          size_t count, size_t terms) {
  const double bound = 9.0 * static_cast<double>(terms + 1) * static_cast<double>(terms + 1) * 6e-8;
  for (size_t i = 0; i < count; ++i) {
    if (std::abs(double{expected[i]} - double{got[i]}) <= bound) continue;
    return round.differ(what, i, double{expected[i]}, double{got[i]});
  }
}

void pack(Round& round, const FloatKernels& scalar, const FloatKernels& kernels) {
  Random& random = round.random;
  const size_t depth = random.size(1, 40);
  Buffer<PanelRun> runs(random.size(0, 3));
  int lane = 0;
  for (PanelRun& run : runs) {
    const auto begin = static_cast<int>(random.between(lane, kTileColumns));
    lane = static_cast<int>(random.between(begin, kTileColumns));
    run = {static_cast<int32_t>(random.between(0, 40)), static_cast<uint8_t>(begin),
           static_cast<uint8_t>(lane)};
  }
  Buffer<int32_t> taps(depth);
  for (int32_t& tap : taps) tap = static_cast<int32_t>(random.between(0, 100));
  const auto source = reals(random, 140 + 2 * kTileColumns, -3, 3);
  Buffer<float> expected(depth * kTileColumns);
  auto panel = expected;
  scalar.pack(source.data(), runs.data(), runs.size(), taps.data(), depth, expected.data());
  kernels.pack(source.data(), runs.data(), runs.size(), taps.data(), depth, panel.data());
  round.equal("panel", expected, panel);
}

void tile(Round& round, const FloatKernels& scalar, const FloatKernels& kernels) {
  Random& random = round.random;
  const auto rows = random.size(1, kTileRows), columns = random.size(1, kTileColumns);
  const size_t depth = random.size(0, 200), stride = columns + random.size(0, 9);
  const auto a = reals(random, depth * rows + kTileRows, -3, 3),
             panel = reals(random, depth * kTileColumns, -3, 3);
  const auto start = reals(random, rows, -3, 3);
  auto expected = reals(random, (rows - 1) * stride + columns, -3, 3);
  auto c = expected;
  const float* const from = random.chance(50) ? start.data() : nullptr;
  scalar.tile(a.data(), static_cast<int>(rows), panel.data(), depth, from, expected.data(), stride,
              static_cast<int>(columns));
  kernels.tile(a.data(), static_cast<int>(rows), panel.data(), depth, from, c.data(), stride,
               static_cast<int>(columns));
  near(round, "c", expected, c, c.size(), depth);
}

void dot(Round& round, const FloatKernels& scalar, const FloatKernels& kernels) {
  Random& random = round.random;
  const size_t rows = random.size(0, 12), depth = random.size(0, 300);
  const auto weight = reals(random, rows * depth, -3, 3), x = reals(random, depth, -3, 3);
  auto expected = reals(random, rows, -3, 3);
  auto y = expected;
  scalar.dot(weight.data(), rows, depth, x.data(), expected.data());
  kernels.dot(weight.data(), rows, depth, x.data(), y.data());
  near(round, "y", expected, y, rows, depth);
}

void depthwise(Round& round, const FloatKernels& scalar, const FloatKernels& kernels) {
  Random& random = round.random;
  const size_t tapCount = random.size(1, 25);
  Buffer<int32_t> taps(tapCount);
  for (int32_t& tap : taps) tap = static_cast<int32_t>(random.between(0, 60));
  DepthwisePlane plane{taps.data(), tapCount, random.size(1, 50), random.size(1, 8),
                       random.size(1, 50)};
  const size_t size = plane.height * plane.width;
  const auto source =
      reals(random, (plane.height - 1) * plane.rowStep + 60 + plane.width + kTileColumns, -3, 3);
  const auto weight = reals(random, tapCount, -3, 3);
  const auto map = reals(random, size + kTileColumns, -3, 3);
  const float* const startMap = random.chance(50) ? map.data() : nullptr;
  Buffer<float> expected(size + kTileColumns);
  auto output = expected;
  scalar.depthwise(plane, source.data(), weight.data(), 0.5f, startMap, expected.data());
  kernels.depthwise(plane, source.data(), weight.data(), 0.5f, startMap, output.data());
  near(round, "output", expected, output, size, tapCount);
}

void snap(Round& round, const FloatKernels& scalar, const FloatKernels& kernels) {
  Random& random = round.random;
  auto x = reals(random, random.size(0, 100), -40, 40);
  for (float& value : x) {
    if (random.chance(20)) value = static_cast<float>(random.between(-20, 20)) / 2;
    if (random.chance(5)) value = std::numeric_limits<float>::infinity();
    if (random.chance(5)) value = -0.0f;
  }
  const Snap grid{random.real(-1, 1),
                  random.chance(50) ? 1.0f : random.real(0.1f, 2),
                  random.real(0.1f, 2),
                  static_cast<float>(random.between(-9, 0)),
                  static_cast<float>(random.between(1, 9)),
                  random.chance(50)};
  Buffer<float> expected(x.size());
  auto y = expected;
  scalar.snap(x.data(), expected.data(), x.size(), grid);
  kernels.snap(x.data(), y.data(), x.size(), grid);
  round.equal("y", expected, y);
}

/** The same in so many words, in double: the scalar kernel might be wrong too. */
void checkSnapBack(Round& round, const SnapRange& range, const SnapPass& pass, const float* before,
                   const float* to, double got) {
  double sum = 0, size = 0;
  for (size_t i = 0; i < pass.n; ++i) {
    const float x = pass.x[i], g = pass.gradient[i];
    const bool inside = range.low < x && x < range.high;
    const double part = inside ? double{pass.y[i]} - x : x <= range.low ? 0 : double{pass.y[i]};
    sum += g * part;
    size += std::abs(g * part);
    if (to && !std::isnan(to[i]))
      round.value("gradient", inside ? before[i] + g : before[i], to[i]);
  }
  if (std::isfinite(sum) && !(std::abs(sum - got) <= 1e-5 * size)) round.value("sum", sum, got);
}

/** `reals` in a buffer whose first element lies anywhere in a vector. */
Buffer<float> shifted(Random& random, size_t skip, size_t n) {
  return reals(random, skip + n + random.size(0, 15), -3, 3);
}

void snapBack(Round& round, const FloatKernels& scalar, const FloatKernels& kernels) {
  Random& random = round.random;
  const size_t n = random.size(0, random.chance(10) ? 1000 : 70), skip = random.size(0, 15);
  const SnapRange range{random.real(-1, 0), random.real(0.5f, 2)};
  auto x = shifted(random, skip, n), y = shifted(random, skip, n);
  auto gradient = shifted(random, skip, n), expected = shifted(random, skip, n);
  // Now and then what comparisons and products are particular about.
  const bool special = random.chance(30);
  for (size_t i = 0; i < skip + n; ++i) {
    if (random.chance(5)) x[i] = random.chance(50) ? range.low : range.high;
    if (random.chance(5)) gradient[i] = random.chance(50) ? 0.0f : -0.0f;
    if (!special) continue;
    if (random.chance(5)) x[i] = std::numeric_limits<float>::quiet_NaN();
    if (random.chance(5)) x[i] = std::copysign(std::numeric_limits<float>::infinity(), x[i]);
    if (random.chance(1)) y[i] = std::numeric_limits<float>::quiet_NaN();
    if (random.chance(1)) gradient[i] = std::numeric_limits<float>::infinity();
  }
  auto to = expected;
  const auto untouched = expected;
  const bool wanted = random.chance(70);
  const auto run = [&](const FloatKernels& which, Buffer<float>& into) {
    float* const start = wanted ? into.data() + skip : nullptr;
    return which.snapBack({x.data() + skip, y.data() + skip, gradient.data() + skip, start, n},
                          range);
  };
  const double sum = run(scalar, expected), got = run(kernels, to);
  if (!(std::isnan(sum) && std::isnan(got))) round.value("sum", sum, got);
  round.equal("input's gradient", expected, to);
  round.equal("around it", untouched, to, wanted ? skip : to.size());
  for (size_t i = skip + n; i < to.size(); ++i) round.value("behind it", untouched[i], to[i]);
  checkSnapBack(round, range,
                {x.data() + skip, y.data() + skip, gradient.data() + skip, nullptr, n},
                untouched.data() + skip, wanted ? to.data() + skip : nullptr, got);
}

void correlate(Round& round, const FloatKernels& scalar, const FloatKernels& kernels) {
  Random& random = round.random;
  const size_t rows = random.size(1, 9), length = random.size(0, random.chance(10) ? 3000 : 90);
  Buffer<int32_t> taps(random.size(1, 12));
  for (int32_t& tap : taps) tap = static_cast<int32_t>(random.between(0, 40));
  const int32_t last = *std::max_element(taps.begin(), taps.end());
  const Correlation job{rows, length + random.size(0, 20), taps.data(), taps.size(), length};
  const auto a = reals(random, (rows - 1) * job.rowStep + length, -3, 3),
             source = reals(random, static_cast<size_t>(last) + length, -3, 3);
  auto expected = reals(random, rows * taps.size(), -3, 3);
  auto c = expected;
  scalar.correlate(job, a.data(), source.data(), expected.data());
  kernels.correlate(job, a.data(), source.data(), c.data());
  near(round, "correlation", expected, c, c.size(), length);
}

}  // namespace

void floats(Round& round) {
  const FloatKernels &scalar = floatKernels(Isa::Scalar), &kernels = floatKernels(round.isa);
  switch (round.random.size(0, 6)) {
    case 0:
      return pack(round, scalar, kernels);
    case 1:
      return tile(round, scalar, kernels);
    case 2:
      return dot(round, scalar, kernels);
    case 3:
      return depthwise(round, scalar, kernels);
    case 4:
      return correlate(round, scalar, kernels);
    case 5:
      return snapBack(round, scalar, kernels);
    default:
      return snap(round, scalar, kernels);
  }
}

}  // namespace casc::test
