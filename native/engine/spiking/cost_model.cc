#include "engine/spiking/cost_model.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <limits>
#include <vector>

#include "engine/spiking/aligned.h"

namespace casc::spiking {
namespace {

/** Nanoseconds of one call: the best of a few batches that are long enough for the clock. */
template <class Work>
double nanoseconds(Work work) {
  using Clock = std::chrono::steady_clock;
  constexpr int kBatches = 5;
  constexpr double kLong = 20'000;
  work();
  double best = std::numeric_limits<double>::max();
  size_t repeat = 1;
  for (int batch = 0; batch < kBatches;) {
    const auto start = Clock::now();
    for (size_t i = 0; i < repeat; ++i) work();
    const double time = std::chrono::duration<double, std::nano>(Clock::now() - start).count();
    if (time < kLong) {
      repeat *= 2;
      continue;
    }
    best = std::min(best, time / double(repeat));
    ++batch;
  }
  return best;
}

double denseCost(const Kernels& kernels) {
  constexpr size_t kK = 288, kOutputs = 32, kSteps = 2;
  const Aligned<uint8_t> values(kWindows * kK * kSteps, uint8_t{1});
  const Aligned<int8_t> weights(kK * kOutputs, int8_t{3});
  const Aligned<int32_t> start(kOutputs, 0);
  Aligned<int32_t> out(kWindows * kOutputs * kSteps);
  const uint8_t* windows[kWindows];
  for (size_t i = 0; i < kWindows; ++i) windows[i] = values.data() + i * kK;
  const uint32_t piece = 0;
  WindowJob job;
  job.windows = windows;
  job.windowCount = kWindows;
  job.pieces = &piece;
  job.pieceCount = 1;
  job.pieceBytes = kK;
  job.most = 2;
  job.steps = kSteps;
  job.stepBytes = kWindows * kK;
  job.weights = weights.data();
  job.start = start.data();
  job.outputs = job.outStride = kOutputs;
  job.out = out.data();
  job.outStepStride = kWindows * kOutputs;
  return nanoseconds([&] { kernels.windowProduct(job); }) /
         double(kWindows * kK * kOutputs * kSteps);
}

/** Of one pixel with `events` events that add `vectors` vectors each, of `rows` weight rows. */
double rowCost(const Kernels& kernels, size_t vectors, uint32_t events, size_t rows) {
  // All rows are used, or those that are would be near.
  const size_t count = std::max<size_t>(64, rows / events);
  const RowKernel& kernel = kernels.rowsWide;
  const Aligned<int8_t> weights(rows * vectors * kernel.lanes, int8_t{1});
  std::vector<uint16_t> codes(count * events);
  for (size_t i = 0; i < codes.size(); ++i) codes[i] = uint16_t(i * 7919 % rows);
  std::vector<RowPixel> pixels;
  std::vector<uint32_t> targets;
  for (uint32_t p = 0; p < count; ++p)
    pixels.push_back({p * events, events, p * uint32_t(kernel.lanes)});
  for (size_t v = 0; v < vectors; ++v) targets.push_back(uint32_t(v * count * kernel.lanes));
  Aligned<int16_t> sums((count + 1) * (vectors + 1) * kernel.lanes, int16_t{0});
  RowJob job;
  job.pixels = pixels.data();
  job.pixelCount = count;
  job.codes = codes.data();
  job.weights = weights.data();
  job.vectors = vectors;
  job.targets = targets.data();
  job.sums = sums.data();
  return nanoseconds([&] { kernel.add(job); }) / double(count);
}

double collectCost(const Kernels& kernels) {
  constexpr size_t kPixels = 16, kChannels = 64;
  std::vector<int8_t> spikes(kPixels * kChannels);
  for (size_t i = 0; i < spikes.size(); ++i) spikes[i] = int8_t(i * 29 % 7 == 0);
  std::vector<uint16_t> codes(spikes.size() + kCodeSlack);
  std::vector<uint32_t> begin(kPixels + 1);
  return nanoseconds([&] {
           kernels.collectCodes(spikes.data(), kPixels, kChannels, 0, codes.data(), begin.data());
         }) /
         double(spikes.size());
}

double scatterCost(const Kernels& kernels) {
  constexpr size_t kEvents = 16, kRun = 96, kTaps = 3;
  const Aligned<int8_t> weights(kTaps * kEvents * kRun, int8_t{1});
  Aligned<int32_t> sums(kTaps * kRun, 0);
  std::vector<Event> events;
  for (uint32_t e = 0; e < kEvents; ++e) events.push_back({e % 2, e});
  const uint32_t columns[] = {0, 1, 2};
  const ColumnRun runs[] = {{0, 0, kRun}, {0, 0, kRun}};
  const RowTap taps[] = {{0, 0}, {kRun, kEvents * kRun}, {2 * kRun, 2 * kEvents * kRun}};
  ScatterJob<int32_t> job;
  job.events = events.data();
  job.count = kEvents;
  job.columnBegin = columns;
  job.runs = runs;
  job.taps = taps;
  job.tapCount = kTaps;
  job.rowLength = kRun;
  job.weights = weights.data();
  job.sums = sums.data();
  return nanoseconds([&] { kernels.scatterInt8.plus(job); }) / double(kEvents * kRun * kTaps);
}

}  // namespace

CostModel measureCosts(const Kernels& kernels) {
  constexpr double kMost = kRowVectors, kFew = 1, kEvents = 12, kSingle = 1;
  constexpr size_t kNear = 64, kFar = 61'000;  // weight rows
  const double broad = rowCost(kernels, size_t(kMost), uint32_t(kEvents), kNear);
  const double slim = rowCost(kernels, size_t(kFew), uint32_t(kEvents), kNear);
  const double single = rowCost(kernels, size_t(kMost), uint32_t(kSingle), kNear);
  // broad = pixel + kEvents·(event + kMost·vector), single the same with one event, slim with few
  // vectors.
  const double perEvent = std::max(0.0, (broad - single) / (kEvents - kSingle));
  const double pixel = std::max(0.0, single - perEvent);
  CostModel costs;
  costs.pixelVector = pixel / kMost;
  const double slimEvent = std::max(0.0, (slim - costs.pixelVector * kFew) / kEvents);
  costs.rowVector = std::max(0.0, (perEvent - slimEvent) / (kMost - kFew));
  costs.rowEvent = std::max(0.0, slimEvent - costs.rowVector * kFew);
  const double far = rowCost(kernels, size_t(kFew), uint32_t(kEvents), kFar);
  costs.farVector = std::max(costs.rowVector,
                             (far - costs.pixelVector * kFew) / (kEvents * kFew) - costs.rowEvent);
  costs.collect = collectCost(kernels);
  costs.dense = denseCost(kernels);
  costs.scatter = scatterCost(kernels);
  return costs;
}

}  // namespace casc::spiking
