// Average and maximum over sliding windows. Pads take no part: the average's factor counts them
// where the network wants it to.
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "engine/dense/check.h"
#include "engine/dense/op.h"

namespace casc::dense {
namespace {

struct Range {
  int begin;
  int end;
};

/** Outputs o in [0, outputs) with 0 ≤ o·stride + shift < inputs. */
Range outputsInside(int outputs, int stride, int64_t shift, int inputs) {
  const int64_t first = shift < 0 ? (-shift + stride - 1) / stride : 0;
  const int64_t end = shift < inputs ? (inputs - 1 - shift) / stride + 1 : 0;
  const auto last = static_cast<int>(std::clamp<int64_t>(end, 0, outputs));
  return {static_cast<int>(std::min<int64_t>(first, last)), last};
}

class Pool : public Op {
 public:
  Pool(const Window& window, const Shape& input, const Shape& output)
      : window_(window), input_(input), output_(output) {
    require(input.c == output.c, "a pool keeps the number of channels");
    requireWindow(window, input, output);
    require(int64_t{window.kernel[0]} * window.kernel[1] <= 1 << 24, "the window is too large");
    for (int j = 0; j < window.kernel[1]; ++j) columns_.push_back(inside(1, j));
  }

 protected:
  /**
   * Calls step(row, from, stride, count) for every tap and output row: row[i] sees from[i ·
   * stride].
   */
  template <class Step>
  void slide(const float* x, float* output, Step step) const {
    for (int c = 0; c < output_.c; ++c, x += input_.plane()) {
      for (int y = 0; y < output_.h; ++y, output += output_.w) {
        for (int i = 0; i < window_.kernel[0]; ++i) {
          const int64_t row = int64_t{y} * window_.strides[0] + shift(0, i);
          if (row < 0 || row >= input_.h) continue;
          slideRow(x + row * input_.w, output, step);
        }
      }
    }
  }

  /** Outputs along `axis` whose tap `tap` is not a pad. */
  Range inside(size_t axis, int tap) const {
    const int outputs = axis == 0 ? output_.h : output_.w;
    const int inputs = axis == 0 ? input_.h : input_.w;
    return outputsInside(outputs, window_.strides[axis], shift(axis, tap), inputs);
  }

  const Window window_;
  const Shape input_;
  const Shape output_;

 private:
  int64_t shift(size_t axis, int tap) const {
    return int64_t{tap} * window_.dilations[axis] - window_.pads[axis];
  }

  template <class Step>
  void slideRow(const float* from, float* row, Step step) const {
    const int stride = window_.strides[1];
    for (size_t j = 0; j < columns_.size(); ++j) {
      const auto [begin, end] = columns_[j];
      if (begin == end) continue;
      const int64_t first = int64_t{begin} * stride + shift(1, static_cast<int>(j));
      step(row + begin, from + first, static_cast<size_t>(stride),
           static_cast<size_t>(end - begin));
    }
  }

  std::vector<Range> columns_;
};

class AvgPool final : public Pool {
 public:
  AvgPool(AvgPoolSpec&& spec, const Shape& input, const Shape& output)
      : Pool(spec.window, input, output), factor_(std::move(spec.factor)) {
    requireLength("factor", factor_.size(), output.plane());
  }

  void run(const float* const* inputs, float* output, float*) const override {
    std::fill_n(output, output_.numel(), 0.0f);
    slide(inputs[0], output, [](float* row, const float* from, size_t stride, size_t count) {
      for (size_t i = 0; i < count; ++i) row[i] += from[i * stride];
    });
    for (int c = 0; c < output_.c; ++c) {
      for (float factor : factor_) *output++ *= factor;
    }
  }

 private:
  std::vector<float> factor_;
};

class MaxPool final : public Pool {
 public:
  MaxPool(const Window& window, const Shape& input, const Shape& output)
      : Pool(window, input, output) {
    for (size_t axis = 0; axis < 2; ++axis) requireNoEmptyWindow(axis);
  }

  void run(const float* const* inputs, float* output, float*) const override {
    std::fill_n(output, output_.numel(), -std::numeric_limits<float>::infinity());
    slide(inputs[0], output, [](float* row, const float* from, size_t stride, size_t count) {
      for (size_t i = 0; i < count; ++i) {
        const float x = from[i * stride];
        row[i] = x > row[i] || std::isnan(x) ? x : row[i];  // a NaN stays: nothing is above it
      }
    });
  }

 private:
  void requireNoEmptyWindow(size_t axis) const {
    std::vector<uint8_t> covered(static_cast<size_t>(axis == 0 ? output_.h : output_.w), 0);
    for (int tap = 0; tap < window_.kernel[axis]; ++tap) {
      const auto [begin, end] = inside(axis, tap);
      std::fill(covered.begin() + begin, covered.begin() + end, uint8_t{1});
    }
    require(std::find(covered.begin(), covered.end(), 0) == covered.end(),
            "a window lies wholly in the padding and has no maximum");
  }
};

}  // namespace

OpPtr makeAvgPool(AvgPoolSpec&& spec, const Shape& input, const Shape& output) {
  return std::make_unique<AvgPool>(std::move(spec), input, output);
}

OpPtr makeMaxPool(const MaxPoolSpec& spec, const Shape& input, const Shape& output) {
  return std::make_unique<MaxPool>(spec.window, input, output);
}

}  // namespace casc::dense
