// Operators that look at one position only, and may work in place.
#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/dense/check.h"
#include "engine/dense/op.h"

namespace casc::dense {
namespace {

/** y[i] = f(x[i]). Two loops, so that the compiler can vectorise each: in place, or no overlap. */
template <class F>
void map(const float* x, float* y, size_t n, F f) {
  if (x == y) {
    for (size_t i = 0; i < n; ++i) y[i] = f(y[i]);
  } else {
    const float* __restrict from = x;
    float* __restrict to = y;
    for (size_t i = 0; i < n; ++i) to[i] = f(from[i]);
  }
}

class Pointwise : public Op {
 public:
  explicit Pointwise(const Shape& shape) : shape_(shape) {}
  bool worksInPlace() const override { return true; }

 protected:
  const Shape shape_;
};

class Input final : public Pointwise {
 public:
  Input(const InputSpec& spec, const Shape& shape, const FloatKernels& kernels)
      : Pointwise(shape), kernels_(kernels), gridded_(spec.grid.has_value()) {
    if (!spec.grid) return;
    const auto [step, lo, hi] = *spec.grid;
    require(step > 0 && std::isfinite(step), "grid.step is not a positive float32");
    require(lo <= hi, "grid.lo is above grid.hi");
    grid_ = {0.0f, step, step, lo, hi, true};
  }

  // A copy even without a grid: the caller's array has no slack behind it.
  void run(const float* const* inputs, float* output, float*) const override {
    if (gridded_) {
      kernels_.snap(inputs[0], output, shape_.numel(), grid_);
    } else {
      std::copy_n(inputs[0], shape_.numel(), output);
    }
  }

 private:
  const FloatKernels& kernels_;
  bool gridded_;
  Snap grid_{};
};

class Scale final : public Pointwise {
 public:
  Scale(ScaleSpec&& spec, const Shape& shape) : Pointwise(shape), spec_(std::move(spec)) {
    const auto channels = static_cast<size_t>(shape.c);
    requireLength("factor", spec_.factor.size(), channels);
    perElement_ = !spec_.shift.empty() && spec_.shift.size() != channels;
    if (perElement_) requireLength("shift", spec_.shift.size(), shape_.numel());
  }

  void run(const float* const* inputs, float* output, float*) const override {
    const float* x = inputs[0];
    const size_t plane = shape_.plane();
    for (size_t c = 0; c < spec_.factor.size(); ++c, x += plane, output += plane) {
      const float factor = spec_.factor[c];
      if (perElement_) {
        const float* shift = spec_.shift.data() + c * plane;
        for (size_t i = 0; i < plane; ++i) output[i] = factor * x[i] + shift[i];
      } else if (spec_.shift.empty()) {
        map(x, output, plane, [=](float v) { return factor * v; });
      } else {
        const float shift = spec_.shift[c];
        map(x, output, plane, [=](float v) { return factor * v + shift; });
      }
    }
  }

 private:
  ScaleSpec spec_;
  bool perElement_ = false;  // a shift per element instead of per channel
};

class Add final : public Pointwise {
 public:
  Add(size_t terms, const Shape& shape) : Pointwise(shape), terms_(terms) {}

  void run(const float* const* inputs, float* output, float*) const override {
    const size_t n = shape_.numel();
    // The first sum reads inputs[0], which may be the output; from then on the output is the sum.
    sum(inputs[0], inputs[1], output, n);
    for (size_t t = 2; t < terms_; ++t) sum(output, inputs[t], output, n);
  }

 private:
  static void sum(const float* a, const float* b, float* y, size_t n) {
    if (a == b) return map(a, y, n, [](float v) { return v + v; });
    const float* __restrict from = b;
    if (a == y) {
      float* __restrict to = y;
      for (size_t i = 0; i < n; ++i) to[i] += from[i];
    } else {
      float* __restrict to = y;
      for (size_t i = 0; i < n; ++i) to[i] = a[i] + from[i];
    }
  }

  size_t terms_;
};

class Relu final : public Pointwise {
 public:
  Relu(const ReluSpec& spec, const Shape& shape) : Pointwise(shape), max_(spec.max) {
    require(max_ >= 0, "max is negative or NaN");
  }

  void run(const float* const* inputs, float* output, float*) const override {
    // Comparisons that NaN fails, so that it passes through.
    map(inputs[0], output, shape_.numel(), [max = max_](float v) {
      v = v < 0.0f ? 0.0f : v;
      return v > max ? max : v;
    });
  }

 private:
  float max_;
};

class Quant final : public Pointwise {
 public:
  Quant(const QuantSpec& spec, const Shape& shape, const FloatKernels& kernels)
      : Pointwise(shape), kernels_(kernels) {
    require(spec.levels >= 1 && std::isfinite(spec.levels), "levels is below 1");
    const auto channels = static_cast<size_t>(shape.c);
    for (const auto* array : {&spec.stepIn, &spec.offset, &spec.stepOut}) {
      require(array->size() == 1 || array->size() == channels,
              "stepIn, offset and stepOut need 1 or C elements");
      perChannel_ = perChannel_ || array->size() > 1;
    }
    for (size_t c = 0; c < (perChannel_ ? channels : 1); ++c) {
      auto at = [c](const std::vector<float>& array) { return array[array.size() == 1 ? 0 : c]; };
      // Rounding half to even needs no offset: the half is in the rounding.
      const float offset = spec.tiesToEven ? 0.0f : at(spec.offset);
      const Snap snap{offset, at(spec.stepIn), at(spec.stepOut),
                      0.0f,   spec.levels,     spec.tiesToEven};
      require(snap.stepIn > 0 && std::isfinite(snap.stepIn), "stepIn is not a positive float32");
      require(std::isfinite(snap.offset), "offset is not a finite float32");
      require(std::isfinite(snap.stepOut), "stepOut is not a finite float32");
      snaps_.push_back(snap);
    }
  }

  void run(const float* const* inputs, float* output, float*) const override {
    const float* x = inputs[0];
    const size_t n = perChannel_ ? shape_.plane() : shape_.numel();
    for (const Snap& snap : snaps_) {
      kernels_.snap(x, output, n, snap);
      x += n;
      output += n;
    }
  }

 private:
  const FloatKernels& kernels_;
  bool perChannel_ = false;
  std::vector<Snap> snaps_;
};

class UnaryOp final : public Pointwise {
 public:
  UnaryOp(const UnarySpec& spec, const Shape& shape) : Pointwise(shape), kind_(spec.kind) {}

  void run(const float* const* inputs, float* output, float*) const override {
    auto each = [&](auto f) { map(inputs[0], output, shape_.numel(), f); };
    switch (kind_) {
      case Unary::Sigmoid:
        return each([](float v) { return 1.0f / (1.0f + std::exp(-v)); });
      case Unary::Tanh:
        return each([](float v) { return std::tanh(v); });
      case Unary::Exp:
        return each([](float v) { return std::exp(v); });
      case Unary::Log:
        return each([](float v) { return std::log(v); });
      case Unary::Sqrt:
        return each([](float v) { return std::sqrt(v); });
      case Unary::Abs:
        return each([](float v) { return std::fabs(v); });
      case Unary::Neg:
        return each([](float v) { return -v; });
      case Unary::Relu:
        return each([](float v) { return v < 0.0f ? 0.0f : v; });
      case Unary::Floor:
        return each([](float v) { return std::floor(v); });
      case Unary::Round:
        return each([](float v) { return std::nearbyint(v); });  // ties to even
    }
  }

 private:
  Unary kind_;
};

}  // namespace

OpPtr makeInput(const InputSpec& spec, const Shape& output, const FloatKernels& kernels) {
  return std::make_unique<Input>(spec, output, kernels);
}
OpPtr makeScale(ScaleSpec&& spec, const Shape& shape) {
  return std::make_unique<Scale>(std::move(spec), shape);
}
OpPtr makeAdd(size_t terms, const Shape& shape) { return std::make_unique<Add>(terms, shape); }
OpPtr makeRelu(const ReluSpec& spec, const Shape& shape) {
  return std::make_unique<Relu>(spec, shape);
}
OpPtr makeQuant(const QuantSpec& spec, const Shape& shape, const FloatKernels& kernels) {
  return std::make_unique<Quant>(spec, shape, kernels);
}
OpPtr makeUnary(const UnarySpec& spec, const Shape& shape) {
  return std::make_unique<UnaryOp>(spec, shape);
}

}  // namespace casc::dense
