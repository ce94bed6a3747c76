// Checks of a description's numbers. They throw without the node's name, which the plan puts in
// front.
#pragma once

#include <string>

#include "engine/dense/spec.h"
#include "engine/error.h"

namespace casc::dense {

[[noreturn]] inline void refuse(const std::string& message) {
  throw Error("ERR_CASC_ARGUMENT", message);
}

inline void require(bool condition, const char* message) {
  if (!condition) refuse(message);
}

std::string toString(const Shape& shape);

/** Array `name` has `actual` elements and needs `expected`. */
void requireLength(const char* name, size_t actual, size_t expected);

/** There are `count` inputs and the first has the output's shape. */
void requireSameShape(const std::vector<Shape>& inputs, const Shape& output, size_t count = 1);

/** The window over `input` gives the height and width of `output`. */
void requireWindow(const Window& window, const Shape& input, const Shape& output);

}  // namespace casc::dense
