#include "engine/dense/check.h"

namespace casc::dense {
namespace {

void requireInputCount(size_t actual, size_t expected) {
  if (actual == expected) return;
  refuse("expected " + std::to_string(expected) + " input(s) but received " +
         std::to_string(actual));
}

}  // namespace

std::string toString(const Shape& shape) {
  return std::to_string(shape.c) + "×" + std::to_string(shape.h) + "×" + std::to_string(shape.w);
}

void requireLength(const char* name, size_t actual, size_t expected) {
  if (actual == expected) return;
  refuse(std::string(name) + " has " + std::to_string(actual) + " elements, expected " +
         std::to_string(expected));
}

void requireSameShape(const std::vector<Shape>& inputs, const Shape& output, size_t count) {
  requireInputCount(inputs.size(), count);
  for (const Shape& input : inputs) {
    if (input != output)
      refuse("an input is " + toString(input) + ", expected the output's shape " +
             toString(output));
  }
}

void requireWindow(const Window& window, const Shape& input, const Shape& output) {
  const std::array<int64_t, 2> in{input.h, input.w};
  const std::array<int64_t, 2> out{output.h, output.w};
  for (size_t axis = 0; axis < 2; ++axis) {
    const int64_t extent = int64_t{window.dilations[axis]} * (window.kernel[axis] - 1) + 1;
    const int64_t padded = in[axis] + window.pads[axis] + window.pads[axis + 2];
    const int64_t steps = padded < extent ? 0 : (padded - extent) / window.strides[axis] + 1;
    if (steps == out[axis]) continue;
    refuse(std::string("the window gives an output ") + (axis == 0 ? "height" : "width") + " of " +
           std::to_string(steps) + " but the shape says " + std::to_string(out[axis]));
  }
}

}  // namespace casc::dense
