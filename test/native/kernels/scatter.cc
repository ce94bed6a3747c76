#include <algorithm>
#include <type_traits>

#include "check.h"

namespace casc::test {
namespace {

template <class N>
struct Lists {
  Buffer<Event> plus, minus, valued;
  Buffer<N> values;
  RowEvents<N> events;

  explicit Lists(size_t spikes)
      : plus(spikes + kEventSlack), minus(plus), valued(plus), values(spikes + kEventSlack) {
    events.plus = plus.data();
    events.minus = minus.data();
    events.valued = valued.data();
    events.values = values.data();
  }
};

template <class N>
void collect(Round& round) {
  Random& random = round.random;
  const auto w = static_cast<uint32_t>(random.size(0, 40)),
             c = static_cast<uint32_t>(random.size(1, 70));
  const auto row = spikes(random, size_t{w} * c, random.chance(50));
  Lists<N> expected(row.size()), got(row.size());
  numberKernels<N>(round.scalar).collectSpikes(row.data(), w, c, expected.events);
  numberKernels<N>(round.kernels).collectSpikes(row.data(), w, c, got.events);
  const RowEvents<N>&e = expected.events, &g = got.events;
  round.value("plusCount", static_cast<double>(e.plusCount), static_cast<double>(g.plusCount));
  round.value("minusCount", static_cast<double>(e.minusCount), static_cast<double>(g.minusCount));
  round.value("valuedCount", static_cast<double>(e.valuedCount),
              static_cast<double>(g.valuedCount));
  if (!round.same) return;
  round.equal("plus", expected.plus, got.plus, e.plusCount);
  round.equal("minus", expected.minus, got.minus, e.minusCount);
  round.equal("valued", expected.valued, got.valued, e.valuedCount);
  round.equal("values", expected.values, got.values, e.valuedCount);
}

template <class T>
Buffer<T> numbers(Random& random, size_t n, int64_t low, int64_t high) {
  if constexpr (std::is_same_v<T, float>)
    return reals(random, n, -3, 3);
  else
    return integers<T>(random, n, low, high);
}

/** Events of one row of `columns` pixels; what one of them reaches overlaps nowhere. */
template <class W, class N>
void add(Round& round, const Scatter<N> Kernels::*kernel) {
  Random& random = round.random;
  const size_t columns = random.size(1, 8), channels = random.size(1, 40), taps = random.size(0, 4);
  const size_t groups = random.chance(30) ? random.size(1, channels) : 1;
  ScatterJob<N> job;
  Buffer<uint32_t> columnBegin(columns + 1);
  Buffer<ColumnRun> runs(columns * 3);
  uint32_t runCount = 0, groupSums = 0, rowLength = 0;
  for (size_t x = 0; x < columns; ++x) {
    columnBegin[x] = runCount;
    auto at = static_cast<uint32_t>(random.size(0, 9)),
         from = static_cast<uint32_t>(random.size(0, 3));
    for (size_t r = random.size(0, 3); r > 0; --r) {
      const auto length = static_cast<uint32_t>(random.size(1, random.chance(20) ? 200 : 40));
      runs[runCount++] = {at, from, length};
      at += length + static_cast<uint32_t>(random.size(0, 5));
      from += length;
    }
    groupSums = std::max(groupSums, at);
    rowLength = std::max(rowLength, from);
  }
  columnBegin[columns] = runCount;
  Buffer<uint32_t> channelSums(channels);
  for (size_t c = 0; c < channels; ++c)
    channelSums[c] = static_cast<uint32_t>(c * groups / channels) * groupSums;
  Buffer<RowTap> rowTaps(taps);
  for (size_t t = 0; t < taps; ++t) rowTaps[t] = {t * groups * groupSums, t * channels * rowLength};
  const auto weights = numbers<W>(random, taps * channels * rowLength, -32768, 32767);

  Buffer<Event> events(random.size(0, 100));
  for (size_t e = 0; e < events.size(); ++e)  // in order of their columns
    events[e] = {static_cast<uint32_t>(e * columns / events.size()),
                 static_cast<uint32_t>(random.size(0, channels - 1))};
  const Buffer<N> values = numbers<N>(random, events.size(), -128, 127);
  const size_t which = random.size(0, 2);
  job.events = events.data();
  if (which == 2) job.values = values.data();
  job.count = events.size();
  job.columnBegin = columnBegin.data();
  job.runs = runs.data();
  job.taps = rowTaps.data();
  job.tapCount = taps;
  if (groups > 1) job.channelSums = channelSums.data();
  job.rowLength = rowLength;
  job.weights = weights.data();

  auto expected =
      numbers<N>(random, std::max<size_t>(taps, 1) * groups * groupSums, kLow32, kHigh32);
  auto sums = expected;
  void (*Scatter<N>::*const way)(const ScatterJob<N>&) = which == 0   ? &Scatter<N>::plus
                                                         : which == 1 ? &Scatter<N>::minus
                                                                      : &Scatter<N>::valued;
  job.sums = expected.data();
  (round.scalar.*kernel.*way)(job);
  job.sums = sums.data();
  (round.kernels.*kernel.*way)(job);
  round.equal("sums", expected, sums);
}

}  // namespace

void events(Round& round) {
  if (round.random.chance(50)) {
    collect<int32_t>(round);
  } else {
    collect<float>(round);
  }
}

void scatter(Round& round) {
  switch (round.random.size(0, 2)) {
    case 0:
      return add<int8_t>(round, &Kernels::scatterInt8);
    case 1:
      return add<int16_t>(round, &Kernels::scatterInt16);
    default:
      return add<float>(round, &Kernels::scatterFloat32);
  }
}

}  // namespace casc::test
