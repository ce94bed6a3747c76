#include "engine/spiking/row_synapse.h"

#include <algorithm>
#include <limits>

namespace casc::spiking {
namespace {

constexpr double kMostSums = 1 << 28;
constexpr int64_t kMostSum = std::numeric_limits<int16_t>::max();

/** Largest Σ of |weights| of an output, over every stride-th weight from any. */
int64_t largestSum(const std::vector<int8_t>& weights, size_t outputs, size_t stride) {
  const size_t each = weights.size() / outputs;
  int64_t largest = 0;
  for (size_t m = 0; m < outputs; ++m) {
    for (size_t first = 0; first < stride; ++first) {
      int64_t sum = 0;
      for (size_t k = first; k < each; k += stride) sum += std::abs(int{weights[m * each + k]});
      largest = std::max(largest, sum);
    }
  }
  return largest;
}

}  // namespace

const char* RowSynapse::refusal(const std::vector<int8_t>& weights, const Window& window,
                                const Shape& in, const Shape& out) {
  if (window.strides[0] != 1 || window.strides[1] != 1) return "its strides are not 1";
  const int64_t reach[2] = {int64_t{window.kernel[0] - 1} * window.dilations[0],
                            int64_t{window.kernel[1] - 1} * window.dilations[1]};
  // Outputs would lie outside of the buffer's rows.
  if (std::max(window.pads[1], window.pads[3]) > reach[1])
    return "its padding is wider than its kernel reaches";
  if (2 * in.c > std::numeric_limits<uint16_t>::max()) return "it has more than 32767 channels";
  // Offsets in the buffer have 32 bits.
  if (double(out.h + 2 * reach[0]) * double(in.w + reach[1]) * out.c > kMostSums)
    return "its sums and what the border adds outside of them are more than 2^28";
  if (std::find(weights.begin(), weights.end(), int8_t{-128}) != weights.end())
    return "a weight is -128, which has no negative in 8 bits";
  const size_t taps = size_t(window.kernel[0]) * size_t(window.kernel[1]);
  if (largestSum(weights, size_t(out.c), taps) > kMostSum)
    return "what the spikes of a pixel add may leave 16 bits";
  return nullptr;
}

std::optional<RowSynapse> RowSynapse::make(const std::vector<int8_t>& weights, const Window& window,
                                           const Shape& in, const Shape& out,
                                           const RowKernel& narrow, const RowKernel& wide) {
  if (refusal(weights, window, in, out)) return std::nullopt;
  const size_t c = size_t(in.c), m = size_t(out.c);
  RowSynapse synapse(window, in, out);
  synapse.wide_ = largestSum(weights, m, 1) > kMostSum;
  synapse.kernel_ = m % wide.lanes == 0 || m > wide.lanes ? wide : narrow;
  const size_t lanes = synapse.kernel_.lanes;
  const size_t kh = size_t(window.kernel[0]), kw = size_t(window.kernel[1]);

  // In ascending order of targets: lanes past an output's channels are the next pixel's, and must
  // be written before it.
  struct Vector {
    uint32_t target;
    size_t tap, first;
  };
  std::vector<Vector> vectors;
  for (size_t ky = kh; ky-- > 0;) {
    for (size_t kx = kw; kx-- > 0;) {
      const size_t row = (kh - 1 - ky) * size_t(window.dilations[0]);
      const size_t column = (kw - 1 - kx) * size_t(window.dilations[1]);
      for (size_t first = 0; first < m; first += lanes)
        vectors.push_back(
            {uint32_t(row * synapse.pitch() + column * m + first), ky * kw + kx, first});
    }
  }
  synapse.vectors_ = vectors.size();
  // A group's rows of positive spikes should stay in the first-level cache.
  constexpr size_t kGroupBytes = 24 * 1024;
  const size_t most = std::clamp<size_t>(kGroupBytes / (c * lanes), 2, kRowVectors);
  for (size_t begin = 0; begin < vectors.size();) {
    const size_t count = std::min(most, vectors.size() - begin);
    Group group;
    group.weights = synapse.weights_.size();
    synapse.weights_.resize(group.weights + 2 * c * count * lanes);
    int8_t* to = synapse.weights_.data() + group.weights;
    for (const int8_t sign : {int8_t{1}, int8_t{-1}}) {
      for (size_t channel = 0; channel < c; ++channel) {
        for (size_t v = begin; v < begin + count; ++v) {
          for (size_t lane = 0; lane < lanes; ++lane) {
            const size_t output = vectors[v].first + lane;
            *to++ = output < m
                        ? static_cast<int8_t>(
                              sign * weights[(output * c + channel) * kh * kw + vectors[v].tap])
                        : int8_t{0};
          }
        }
      }
    }
    for (size_t v = begin; v < begin + count; ++v) group.targets.push_back(vectors[v].target);
    synapse.groups_.push_back(std::move(group));
    begin += count;
  }
  return synapse;
}

double RowSynapse::cost(const CostModel& model, double events) const {
  const double pixels = double(in_.h) * in_.w, vectors = double(vectors_);
  // Most pixels have events as soon as there are a few for each.
  const double active = std::min(pixels, events) * (wide_ ? 2 : 1);
  constexpr size_t kSecondLevel = 512 * 1024;
  const double vector = weights_.size() > kSecondLevel ? model.farVector : model.rowVector;
  return events * (double(groups_.size()) * model.rowEvent + vectors * vector) +
         active * vectors * model.pixelVector + double(in_.numel()) * model.collect;
}

size_t RowSynapse::pitch() const {
  const size_t reach = size_t(window_.kernel[1] - 1) * size_t(window_.dilations[1]);
  return (size_t(in_.w) + reach) * size_t(out_.c);
}

RowSums RowSynapse::layout(RowRange out) const {
  // Row r of the buffer is output row top + r − reach + pads: input row y = top + i adds to rows i
  // to i + reach.
  const size_t reach = size_t(window_.kernel[0] - 1) * size_t(window_.dilations[0]);
  const size_t left =
      size_t(window_.kernel[1] - 1) * size_t(window_.dilations[1]) - size_t(window_.pads[1]);
  RowSums sums;
  sums.pitch = pitch();
  sums.first = reach * sums.pitch + left * size_t(out_.c);
  sums.size = (out.count() + 2 * reach) * sums.pitch + kernel_.lanes;
  return sums;
}

size_t RowSynapse::together(RowRange out) const {
  // Sums of the steps in the first-level cache; more where weights would come from further away.
  constexpr size_t kNear = 32 * 1024;
  const size_t step = layout(out).size * (wide_ ? sizeof(int32_t) : sizeof(int16_t));
  return std::max<size_t>(1, std::max(kNear, weights_.size() / 8) / step);
}

void RowSynapse::add(CollectCodes collect, const std::vector<RowStep>& steps, RowRange out,
                     int16_t* sums, RowScratch& scratch) const {
  std::fill_n(sums, steps.size() * layout(out).size, int16_t{0});
  RowJob job;
  job.sums = sums;
  add(collect, steps, out, job, scratch);
}

void RowSynapse::add(CollectCodes collect, const std::vector<RowStep>& steps, RowRange out,
                     int32_t* sums, RowScratch& scratch) const {
  std::fill_n(sums, steps.size() * layout(out).size, 0);
  RowJob job;
  job.wideSums = sums;
  add(collect, steps, out, job, scratch);
}

void RowSynapse::add(CollectCodes collect, const std::vector<RowStep>& steps, RowRange out,
                     RowJob job, RowScratch& scratch) const {
  const size_t reach = size_t(window_.kernel[0] - 1) * size_t(window_.dilations[0]);
  const int64_t first = std::max<int64_t>(0, top(out));
  const int64_t end = std::min<int64_t>(in_.h, top(out) + int64_t(out.count() + reach));
  if (first >= end) return;
  const size_t w = size_t(in_.w), c = size_t(in_.c), m = size_t(out_.c), size = layout(out).size;
  const auto rows = size_t(end - first);
  // Pixels with equally many codes follow each other. Four counters a number, by column, since
  // neighbours often have the same one.
  constexpr size_t kCounters = 4;
  scratch.codes.resize(steps.size() * rows * w * c + kCodeSlack);
  scratch.begin.resize(steps.size() * rows * (w + 1));
  scratch.places.assign((c + 2) * kCounters, 0);
  uint32_t* const places = scratch.places.data();
  const auto eachRow = [&](auto body) {
    for (size_t k = 0; k < steps.size(); ++k) {
      for (int64_t y = first; y < end; ++y) {
        if (steps[k].plane->events[size_t(y)])
          body(k, y, scratch.begin.data() + (k * rows + size_t(y - first)) * (w + 1));
      }
    }
  };
  uint32_t codes = 0;
  size_t pixels = 0;
  eachRow([&](size_t k, int64_t y, uint32_t* begin) {
    const int8_t* spikes = steps[k].plane->template as<int8_t>() + size_t(y) * in_.row();
    collect(spikes, w, c, codes, scratch.codes.data(), begin);
    for (size_t x = 0; x < w; ++x)
      ++places[size_t{begin[x + 1] - begin[x] + 1} * kCounters + x % kCounters];
    codes = begin[w];
    pixels += w;
    for (size_t ky = 0; ky < size_t(window_.kernel[0]); ++ky) {
      const int64_t to = y + window_.pads[0] - int64_t(ky) * window_.dilations[0];
      if (to >= int64_t(out.from) && to < int64_t(out.to))
        steps[k].touched[size_t(to) - out.from] = 1;
    }
  });
  // places[n][j] becomes where the pixels with n codes of columns j start.
  uint32_t before = 0;
  for (size_t i = kCounters; i < scratch.places.size(); ++i) {
    const uint32_t count = places[i];
    places[i - kCounters] = before;
    before += count;
  }
  scratch.sorted.resize(pixels);
  RowPixel* const sorted = scratch.sorted.data();
  eachRow([&](size_t k, int64_t y, const uint32_t* begin) {
    auto target = uint32_t(k * size + size_t(y - top(out)) * pitch());
    for (size_t x = 0; x < w; ++x, target += uint32_t(m)) {
      const uint32_t count = begin[x + 1] - begin[x];
      sorted[places[size_t{count} * kCounters + x % kCounters]++] = {begin[x], count, target};
    }
  });
  const size_t silent = places[kCounters - 1];  // pixels without codes come first
  job.pixels = sorted + silent;
  job.pixelCount = pixels - silent;
  job.codes = scratch.codes.data();
  for (const Group& group : groups_) {
    job.weights = weights_.data() + group.weights;
    job.vectors = group.targets.size();
    job.targets = group.targets.data();
    kernel_.add(job);
  }
}

}  // namespace casc::spiking
