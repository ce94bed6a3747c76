#include <algorithm>
#include <cmath>

#include "engine/dense/check.h"
#include "engine/dense/op.h"

namespace casc::dense {
namespace {

class Softmax final : public Op {
 public:
  Softmax(const SoftmaxSpec& spec, const Shape& shape) : spec_(spec) {
    const double numel = double(spec.outer) * spec.length * spec.inner;
    require(numel == static_cast<double>(shape.numel()),
            "outer · length · inner is not the number of elements");
  }

  bool worksInPlace() const override { return true; }

  void run(const float* const* inputs, float* output, float*) const override {
    const auto inner = static_cast<size_t>(spec_.inner);
    const size_t block = static_cast<size_t>(spec_.length) * inner;
    const float* x = inputs[0];
    for (int o = 0; o < spec_.outer; ++o, x += block, output += block) {
      for (size_t i = 0; i < inner; ++i) line(x + i, output + i);
    }
  }

 private:
  void line(const float* x, float* y) const {
    const auto step = static_cast<size_t>(spec_.inner);
    const size_t end = static_cast<size_t>(spec_.length) * step;
    // Less the maximum nothing overflows. A NaN anywhere is in the sum, and so in all results.
    float max = x[0];
    for (size_t i = step; i < end; i += step) max = std::max(max, x[i]);
    double sum = 0;
    for (size_t i = 0; i < end; i += step) sum += std::exp(x[i] - max);
    // In double: the logarithm of a sum just above 1 is all in the digits that float32 lacks.
    const double logSum = std::log(sum);
    for (size_t i = 0; i < end; i += step) {
      const float above = x[i] - max;
      y[i] = static_cast<float>(spec_.log ? above - logSum : std::exp(above) / sum);
    }
  }

  const SoftmaxSpec spec_;
};

}  // namespace

OpPtr makeSoftmax(const SoftmaxSpec& spec, const Shape& shape) {
  return std::make_unique<Softmax>(spec, shape);
}

}  // namespace casc::dense
