#include "engine/reconstruct/backward.h"

#include <algorithm>
#include <cmath>

#include "engine/dense/check.h"

namespace casc::reconstruct {
namespace {

using dense::Shape;

class AddBackward final : public Backward {
 public:
  AddBackward(size_t terms, size_t numel) : terms_(terms), numel_(numel) {}

  void run(const Pass& pass) const override {
    for (size_t t = 0; t < terms_; ++t) {
      float* to = pass.inputGradients[t];
      if (!to) continue;
      for (size_t i = 0; i < numel_; ++i) to[i] += pass.gradient[i];
    }
  }

 private:
  size_t terms_, numel_;
};

class ScaleBackward final : public Backward {
 public:
  ScaleBackward(std::vector<float> factor, size_t plane)
      : factor_(std::move(factor)), plane_(plane) {}

  void run(const Pass& pass) const override {
    float* to = pass.inputGradients[0];
    if (!to) return;
    const float* from = pass.gradient;
    for (const float factor : factor_) {
      for (size_t i = 0; i < plane_; ++i) *to++ += factor * *from++;
    }
  }

 private:
  std::vector<float> factor_;
  size_t plane_;
};

class ReluBackward final : public Backward {
 public:
  ReluBackward(float max, size_t numel) : max_(max), numel_(numel) {}

  void run(const Pass& pass) const override {
    float* to = pass.inputGradients[0];
    if (!to) return;
    const float* x = pass.inputs[0];
    for (size_t i = 0; i < numel_; ++i) to[i] += x[i] > 0 && x[i] < max_ ? pass.gradient[i] : 0;
  }

 private:
  float max_;
  size_t numel_;
};

class RouteBackward final : public Backward {
 public:
  RouteBackward(const std::vector<int32_t>& index, const std::vector<Shape>& inputs) {
    std::vector<size_t> start{0};
    for (const Shape& input : inputs) start.push_back(start.back() + input.numel());
    places_.reserve(index.size());
    for (const int32_t i : index) {
      if (i < 0) {
        places_.push_back({-1, 0});
        continue;
      }
      const auto at = static_cast<size_t>(i);
      const auto input = std::upper_bound(start.begin(), start.end(), at) - start.begin() - 1;
      places_.push_back({static_cast<int32_t>(input),
                         static_cast<uint32_t>(at - start[static_cast<size_t>(input)])});
    }
  }

  void run(const Pass& pass) const override {
    const float* from = pass.gradient;
    for (const auto& [input, offset] : places_) {
      const float g = *from++;
      if (input >= 0 && pass.inputGradients[input]) pass.inputGradients[input][offset] += g;
    }
  }

 private:
  struct Place {
    int32_t input;  // −1: the element is a zero
    uint32_t offset;
  };
  std::vector<Place> places_;
};

class PoolBackward : public Backward {
 public:
  PoolBackward(const dense::Window& window, const Shape& input, const Shape& output)
      : window_(window), input_(input), output_(output) {}

 protected:
  /** visit(output element, offset in the plane of the input) for every tap that is no pad. */
  template <class Visit>
  void eachTap(int y, int x, Visit visit) const {
    for (int i = 0; i < window_.kernel[0]; ++i) {
      const int row = y * window_.strides[0] + i * window_.dilations[0] - window_.pads[0];
      if (row < 0 || row >= input_.h) continue;
      for (int j = 0; j < window_.kernel[1]; ++j) {
        const int column = x * window_.strides[1] + j * window_.dilations[1] - window_.pads[1];
        if (column < 0 || column >= input_.w) continue;
        visit(static_cast<size_t>(row) * static_cast<size_t>(input_.w) +
              static_cast<size_t>(column));
      }
    }
  }

  const dense::Window window_;
  const Shape input_, output_;
};

class AvgPoolBackward final : public PoolBackward {
 public:
  AvgPoolBackward(const dense::AvgPoolSpec& spec, const Shape& input, const Shape& output)
      : PoolBackward(spec.window, input, output), factor_(spec.factor) {}

  void run(const Pass& pass) const override {
    float* to = pass.inputGradients[0];
    if (!to) return;
    const float* from = pass.gradient;
    for (int c = 0; c < output_.c; ++c, to += input_.plane()) {
      const float* factor = factor_.data();
      for (int y = 0; y < output_.h; ++y) {
        for (int x = 0; x < output_.w; ++x) {
          const float g = *from++ * *factor++;
          eachTap(y, x, [&](size_t at) { to[at] += g; });
        }
      }
    }
  }

 private:
  std::vector<float> factor_;
};

/** To the first of the largest. */
class MaxPoolBackward final : public PoolBackward {
 public:
  MaxPoolBackward(const dense::Window& window, const Shape& input, const Shape& output)
      : PoolBackward(window, input, output) {
    for (int y = 0; y < output.h; ++y) rows_.push_back(taps(0, y, input.h));
    for (int x = 0; x < output.w; ++x) columns_.push_back(taps(1, x, input.w));
  }

  void run(const Pass& pass) const override {
    float* to = pass.inputGradients[0];
    if (!to) return;
    const float *from = pass.gradient, *most = pass.output, *value = pass.inputs[0];
    for (int c = 0; c < output_.c; ++c, to += input_.plane(), value += input_.plane()) {
      for (const Taps& rows : rows_) {
        for (const Taps& columns : columns_) {
          const size_t at = first(value, *most++, rows, columns);
          const float g = *from++;
          if (at < input_.plane()) to[at] += g;  // else the maximum is NaN
        }
      }
    }
  }

 private:
  /** Places in the input that a window covers along one axis. */
  struct Taps {
    size_t begin, end, step;
  };

  Taps taps(size_t axis, int at, int size) const {
    const int step = window_.dilations[axis];
    int begin = at * window_.strides[axis] - window_.pads[axis];
    const int end = std::min(begin + step * (window_.kernel[axis] - 1) + 1, size);
    while (begin < 0) begin += step;
    return {static_cast<size_t>(begin), static_cast<size_t>(end), static_cast<size_t>(step)};
  }

  /** Where in the window the plane first has its maximum. */
  size_t first(const float* plane, float most, const Taps& rows, const Taps& columns) const {
    for (size_t y = rows.begin; y < rows.end; y += rows.step) {
      const size_t line = y * static_cast<size_t>(input_.w);
      for (size_t x = columns.begin; x < columns.end; x += columns.step)
        if (plane[line + x] == most) return line + x;
    }
    return input_.plane();
  }

  std::vector<Taps> rows_, columns_;
};

class QuantBackward final : public Backward {
 public:
  QuantBackward(const dense::QuantSpec& spec, const Shape& shape, bool smooth, Isa isa)
      : kernels_(floatKernels(isa)),
        levels_(spec.levels),
        channels_(static_cast<size_t>(shape.c)),
        plane_(shape.plane()) {
    for (size_t c = 0; c < channels_; ++c) {
      const float step = spec.stepIn[spec.stepIn.size() == 1 ? 0 : c];
      const float offset = spec.offset[spec.offset.size() == 1 ? 0 : c];
      // The level before clipping lies from 0 to Q.
      ranges_.push_back(
          {smooth ? 0.0f : -offset, smooth ? levels_ * step : (levels_ + 1) * step - offset});
    }
    shared_ = spec.stepIn.size() == 1;
  }

  void run(const Pass& pass) const override {
    const float *x = pass.inputs[0], *y = pass.output, *g = pass.gradient;
    float* to = pass.inputGradients[0];
    for (size_t c = 0; c < channels_; ++c, x += plane_, y += plane_, g += plane_) {
      // d y / d log step = y − x inside (the rounding error), y above.
      const double total = kernels_.snapBack({x, y, g, to, plane_}, ranges_[c]);
      if (to) to += plane_;
      pass.parameterGradient[shared_ ? 0 : c] += static_cast<float>(total);
    }
  }

 private:
  const FloatKernels& kernels_;
  float levels_;
  size_t channels_, plane_;
  std::vector<SnapRange> ranges_;
  bool shared_;
};

struct Maker {
  const std::vector<Shape>& inputs;
  const Shape& output;

  BackwardPtr operator()(const dense::AddSpec&) const {
    return std::make_unique<AddBackward>(inputs.size(), output.numel());
  }
  BackwardPtr operator()(const dense::ScaleSpec& spec) const {
    return std::make_unique<ScaleBackward>(spec.factor, output.plane());
  }
  BackwardPtr operator()(const dense::ReluSpec& spec) const {
    return std::make_unique<ReluBackward>(spec.max, output.numel());
  }
  BackwardPtr operator()(const dense::RouteSpec& spec) const {
    return std::make_unique<RouteBackward>(spec.index, inputs);
  }
  BackwardPtr operator()(const dense::AvgPoolSpec& spec) const {
    return std::make_unique<AvgPoolBackward>(spec, inputs[0], output);
  }
  BackwardPtr operator()(const dense::MaxPoolSpec& spec) const {
    return std::make_unique<MaxPoolBackward>(spec.window, inputs[0], output);
  }
  template <class Other>
  BackwardPtr operator()(const Other&) const {
    dense::refuse("a block that is trained has no such operator");
  }
};

}  // namespace

BackwardPtr makeQuantBackward(const dense::QuantSpec& spec, const Shape& shape, bool smooth,
                              Isa isa) {
  return std::make_unique<QuantBackward>(spec, shape, smooth, isa);
}

BackwardPtr makeBackward(const dense::OpSpec& spec, const std::vector<Shape>& inputs,
                         const Shape& output) {
  return std::visit(Maker{inputs, output}, spec);
}

}  // namespace casc::reconstruct
