// Pure data movement, compiled to copies of runs: a Concat is a few of them, a Transpose many.
#include <algorithm>

#include "engine/dense/check.h"
#include "engine/dense/op.h"

namespace casc::dense {
namespace {

class Route final : public Op {
 public:
  Route(const RouteSpec& spec, const std::vector<Shape>& inputs, const Shape& output) {
    requireLength("index", spec.index.size(), output.numel());
    std::vector<size_t> start{0};  // of each input in the concatenation, and its end
    for (const Shape& input : inputs) start.push_back(start.back() + input.numel());
    for (int32_t index : spec.index) {
      if (index < -1 || (index >= 0 && static_cast<size_t>(index) >= start.back()))
        refuse("index " + std::to_string(index) + " is outside the inputs' " +
               std::to_string(start.back()) + " elements");
      append(index, start);
    }
    runs_.shrink_to_fit();
  }

  void run(const float* const* inputs, float* output, float*) const override {
    for (const Run& run : runs_) {
      if (run.input < 0) {
        output = std::fill_n(output, run.length, 0.0f);
      } else {
        output = std::copy_n(inputs[run.input] + run.offset, run.length, output);
      }
    }
  }

 private:
  struct Run {
    int32_t input;  // −1: zeros
    uint32_t offset;
    uint32_t length;
  };

  void append(int32_t index, const std::vector<size_t>& start) {
    Run next{-1, 0, 1};
    if (index >= 0) {
      const auto at = static_cast<size_t>(index);
      const auto input = std::upper_bound(start.begin(), start.end(), at) - start.begin() - 1;
      next.input = static_cast<int32_t>(input);
      next.offset = static_cast<uint32_t>(at - start[static_cast<size_t>(input)]);
    }
    if (!runs_.empty()) {
      Run& last = runs_.back();
      const bool follows = next.input < 0 || last.offset + last.length == next.offset;
      if (last.input == next.input && follows) {
        ++last.length;
        return;
      }
    }
    runs_.push_back(next);
  }

  std::vector<Run> runs_;
};

}  // namespace

OpPtr makeRoute(const RouteSpec& spec, const std::vector<Shape>& inputs, const Shape& output) {
  return std::make_unique<Route>(spec, inputs, output);
}

}  // namespace casc::dense
