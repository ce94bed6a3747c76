#include "engine/spiking/window_synapse.h"

#include <algorithm>

namespace casc::spiking {

WindowSynapse::WindowSynapse(const std::vector<int8_t>& weights, const Window& window,
                             const Shape& in, const Shape& out)
    : in_(in), out_(out), window_(window) {
  const size_t c = size_t(in.c), kh = size_t(window.kernel[0]), kw = size_t(window.kernel[1]);
  channels_ = (c + kWindowQuad - 1) / kWindowQuad * kWindowQuad;
  width_ = size_t(in.w + window.pads[1] + window.pads[3]) * channels_;
  const bool wholeRows = window.dilations[1] == 1;
  pieceBytes_ = (wholeRows ? kw : 1) * channels_;
  for (size_t ky = 0; ky < kh; ++ky) {
    const size_t row = ky * size_t(window.dilations[0]) * width_;
    for (size_t kx = 0; kx < (wholeRows ? 1 : kw); ++kx)
      pieces_.push_back(uint32_t(row + kx * size_t(window.dilations[1]) * channels_));
  }
  const size_t blocks = (size_t(out.c) + kWindowOutputs - 1) / kWindowOutputs;
  const size_t k = kh * kw * channels_;
  weights_.assign(blocks * kWindowOutputs * k, 0);
  weightSums_.assign(blocks * kWindowOutputs, 0);
  for (size_t m = 0; m < size_t(out.c); ++m) {
    int8_t* block = weights_.data() + m / kWindowOutputs * kWindowOutputs * k;
    for (size_t channel = 0; channel < c; ++channel) {
      for (size_t tap = 0; tap < kh * kw; ++tap) {
        const int8_t weight = weights[(m * c + channel) * kh * kw + tap];
        const size_t i = tap * channels_ + channel;
        block[(i / kWindowQuad * kWindowOutputs + m % kWindowOutputs) * kWindowQuad +
              i % kWindowQuad] = weight;
        weightSums_[m] += weight;
      }
    }
  }
  zeros_ = startOf(0);
  spikeStart_ = startOf(1);
}

Aligned<int32_t> WindowSynapse::startOf(int32_t offset) const {
  Aligned<int32_t> start(weightSums_.size());
  for (size_t m = 0; m < start.size(); ++m) start[m] = -offset * weightSums_[m];
  return start;
}

size_t WindowSynapse::bandBytes(size_t outRows) const {
  const size_t reach = size_t(window_.kernel[0] - 1) * size_t(window_.dilations[0]) + 1;
  return ((outRows - 1) * size_t(window_.strides[0]) + reach) * width_;
}

RowRange WindowSynapse::reach(RowRange out) const {
  const int64_t top = int64_t(out.from) * window_.strides[0] - window_.pads[0];
  const int64_t end = top + int64_t(bandBytes(out.count()) / width_);
  const auto inside = [this](int64_t y) { return size_t(std::clamp<int64_t>(y, 0, in_.h)); };
  return {inside(top), std::max(inside(top), inside(end))};
}

double WindowSynapse::macs() const { return double(out_.h) * out_.w * double(weights_.size()); }

void WindowSynapse::multiply(WindowProduct product, RowRange out, const uint8_t* bands,
                             size_t steps, int32_t offset, int32_t most, int32_t* sums,
                             size_t stepStride, bool add) const {
  Aligned<int32_t> other;
  const Aligned<int32_t>& start = offset == 0 ? zeros_ : offset == 1 ? spikeStart_ : other;
  if (&start == &other) other = startOf(offset);
  const uint8_t* windows[kWindows];
  WindowJob job;
  job.windows = windows;
  job.pieces = pieces_.data();
  job.pieceCount = pieces_.size();
  job.pieceBytes = pieceBytes_;
  job.most = most;
  job.steps = steps;
  job.stepBytes = bandBytes(out.count());
  job.weights = weights_.data();
  job.start = start.data();
  job.outputs = job.outStride = size_t(out_.c);
  job.outStepStride = stepStride;
  job.add = add;
  const size_t w = size_t(out_.w), across = size_t(window_.strides[1]) * channels_;
  const size_t down = size_t(window_.strides[0]) * width_;
  constexpr size_t kNeighbours = 8;  // windows whose sums a kernel has registers for
  if (steps == 1 && w >= 2 * kNeighbours) {
    // The kernel works on two steps at once; here they are neighbours in a row.
    job.steps = w / kNeighbours;
    job.stepBytes = kNeighbours * across;
    job.outStepStride = kNeighbours * job.outStride;
    for (size_t y = 0; y < out.count(); ++y) {
      for (size_t i = 0; i < kNeighbours; ++i) windows[i] = bands + y * down + i * across;
      job.windowCount = kNeighbours;
      job.out = sums + y * w * job.outStride;
      product(job);
      const size_t done = job.steps * kNeighbours;
      if (done == w) continue;
      WindowJob rest = job;
      rest.steps = 1;
      rest.windowCount = w - done;
      for (size_t i = 0; i < rest.windowCount; ++i)
        windows[i] = bands + y * down + (done + i) * across;
      rest.out += done * job.outStride;
      product(rest);
    }
    return;
  }
  // Windows follow each other across rows, so that narrow images fill a call too.
  const size_t pixels = out.count() * w;
  size_t y = 0, x = 0;
  for (size_t done = 0; done < pixels; done += job.windowCount) {
    job.windowCount = std::min(kWindows, pixels - done);
    for (size_t i = 0; i < job.windowCount; ++i) {
      windows[i] = bands + y * down + x * across;
      if (++x == w) {
        x = 0;
        ++y;
      }
    }
    job.out = sums + done * job.outStride;
    product(job);
  }
}

/** Values are split into parts that fit the kernel: v = least + Σ parts, each from 0 to
 * kMostWindowValue. */
bool WindowSynapse::addGraded(WindowProduct product, const ByteKernels& bytes,
                              const int32_t* values, int32_t* sums, GradedScratch& scratch) const {
  int32_t least = 0, most = 0;
  bytes.range(values, in_.numel(), least, most);
  constexpr int64_t kMostParts = 16;  // beyond that, adding values one by one is as quick
  const int64_t span = int64_t{most} - least;
  if (span > kMostParts * kMostWindowValue) return false;
  constexpr size_t kBandBytes = 256 * 1024;
  const size_t row = in_.row(), outRow = out_.row(), height = size_t(out_.h);
  const size_t rows =
      std::clamp<size_t>(kBandBytes / std::max<size_t>(1, outRow * sizeof(int32_t)), 1, height);
  scratch.parts.resize(in_.numel());
  for (size_t from = 0; from < height; from += rows) {
    const RowRange out{from, std::min(from + rows, height)};
    const RowRange in = reach(out);
    scratch.band.resize(bandBytes(out.count()));
    for (int32_t taken = 0; taken == 0 || taken < span; taken += kMostWindowValue) {
      const int32_t start = least + taken;
      bytes.part(scratch.parts.data() + in.from * row, values + in.from * row, start,
                 in.count() * row);
      fill(
          bytes, out, 0, static_cast<uint8_t>(std::clamp(-start, 0, kMostWindowValue)),
          [&](size_t y) { return scratch.parts.data() + y * row; }, scratch.band.data());
      multiply(product, out, scratch.band.data(), 1, taken == 0 ? -least : 0, kMostWindowValue,
               sums + from * outRow, 0, true);
    }
  }
  return true;
}

}  // namespace casc::spiking
