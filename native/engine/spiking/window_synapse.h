// A convolution term in int8 as the window kernel wants it: weights in blocks, values as unsigned
// bytes with the zeros of the border around them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/spiking/aligned.h"
#include "engine/spiking/spec.h"
#include "kernels/bytes/bytes.h"
#include "kernels/windows/windows.h"

namespace casc::spiking {

/** Rows [from, to) of a layer. */
struct RowRange {
  size_t from = 0, to = 0;
  size_t count() const { return to - from; }
};

/** One worker's scratch. */
struct GradedScratch {
  Aligned<int8_t> parts;
  Aligned<uint8_t> band;
};

class WindowSynapse {
 public:
  WindowSynapse() = default;
  /** weights: OIHW, one group. */
  WindowSynapse(const std::vector<int8_t>& weights, const Window& window, const Shape& in,
                const Shape& out);

  bool present() const { return !weights_.empty(); }
  /** Bytes that the values of the input rows which output rows reach take, border included. */
  size_t bandBytes(size_t outRows) const;
  /** Input rows that output rows reach, those of the border left out. */
  RowRange reach(RowRange out) const;
  /** Multiply-adds of a whole layer's step. */
  double macs() const;

  /**
   * Writes value(y, i) + offset of the input rows which `out` reaches to a band, and `zero` around
   * them; `source(y)` gives the first of a row's values, null for a row of `zero`.
   */
  template <class Source>
  void fill(const ByteKernels& bytes, RowRange out, int32_t offset, uint8_t zero, Source source,
            uint8_t* band) const;

  /**
   * sums[step][row of out][x][m] = (add: +=) Σ weight · (value − offset), of `steps` bands that lie
   * bandBytes apart; sums of two steps lie `stepStride` elements apart.
   */
  void multiply(WindowProduct product, RowRange out, const uint8_t* bands, size_t steps,
                int32_t offset, int32_t most, int32_t* sums, size_t stepStride, bool add) const;

  /**
   * sums += Σ weight · value for all outputs, of int32 values [h][w][c] in one step. False, and
   * nothing done, where they reach too far for bytes.
   */
  bool addGraded(WindowProduct product, const ByteKernels& bytes, const int32_t* values,
                 int32_t* sums, GradedScratch& scratch) const;

  size_t bytes() const { return weights_.size() + 3 * weightSums_.size() * sizeof(int32_t); }

 private:
  /** What takes an offset of all values out of the sums again. */
  Aligned<int32_t> startOf(int32_t offset) const;

  Shape in_, out_;
  Window window_;
  size_t channels_ = 0;  // of the input, in whole quads
  size_t width_ = 0;     // of a band's row in bytes
  Aligned<int8_t> weights_;
  Aligned<int32_t> weightSums_;          // Σ of an output's weights, in whole blocks
  Aligned<int32_t> zeros_, spikeStart_;  // startOf the offsets of counts, 0, and of spikes, 1
  std::vector<uint32_t> pieces_;         // of a window
  size_t pieceBytes_ = 0;
};

template <class Source>
void WindowSynapse::fill(const ByteKernels& bytes, RowRange out, int32_t offset, uint8_t zero,
                         Source source, uint8_t* band) const {
  const int64_t top = int64_t(out.from) * window_.strides[0] - window_.pads[0];
  const size_t rows = bandBytes(out.count()) / width_, c = size_t(in_.c), w = size_t(in_.w);
  const size_t left = size_t(window_.pads[1]) * channels_, inner = w * channels_;
  for (size_t r = 0; r < rows; ++r, band += width_) {
    const int64_t y = top + int64_t(r);
    const int8_t* row = y < 0 || y >= in_.h ? nullptr : source(size_t(y));
    if (!row) {
      std::fill_n(band, width_, zero);
      continue;
    }
    std::fill_n(band, left, zero);
    uint8_t* to = band + left;
    if (c == channels_) {
      bytes.shift(to, row, offset, inner);
    } else {
      for (size_t x = 0; x < w; ++x, row += c, to += channels_) {
        for (size_t i = 0; i < c; ++i) to[i] = static_cast<uint8_t>(row[i] + offset);
        std::fill(to + c, to + channels_, zero);
      }
    }
    std::fill_n(band + left + inner, width_ - left - inner, zero);
  }
}

}  // namespace casc::spiking
