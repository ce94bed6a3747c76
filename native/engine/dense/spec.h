// What the dense pass is asked to compute: the nodes of lib/graph/network.ts in C++.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace casc::dense {

/** Per image, C×H×W; every extent is at least 1 and the product below 2³¹. */
struct Shape {
  int c = 1;
  int h = 1;
  int w = 1;

  size_t plane() const { return static_cast<size_t>(h) * static_cast<size_t>(w); }
  size_t numel() const { return static_cast<size_t>(c) * plane(); }
  bool operator==(const Shape&) const = default;
};

/** Sliding window: (vertical, horizontal); pads are top, left, bottom, right. */
struct Window {
  std::array<int, 2> kernel;
  std::array<int, 2> strides;
  std::array<int, 4> pads;
  std::array<int, 2> dilations;

  bool operator==(const Window&) const = default;
};

struct Grid {
  float step;
  float lo;
  float hi;
};

struct InputSpec {
  std::optional<Grid> grid;
};

struct ConvSpec {
  std::vector<float> weight;  // [M, C/groups, kh, kw]
  std::vector<float> bias;    // empty, M, or M·H·W
  Window window;
  int groups;
};

struct ScaleSpec {
  std::vector<float> factor;  // C
  std::vector<float> shift;   // empty or C
};

struct AddSpec {};

struct AvgPoolSpec {
  Window window;
  std::vector<float> factor;  // H·W of the output
};

struct MaxPoolSpec {
  Window window;
};

struct RouteSpec {
  std::vector<int32_t> index;  // into the inputs one after the other; −1: zero
};

struct ReluSpec {
  float max;
};

struct QuantSpec {
  float levels;
  std::vector<float> stepIn;  // each array has length 1 or C
  std::vector<float> offset;
  std::vector<float> stepOut;
  bool tiesToEven;
};

enum class Unary { Sigmoid, Tanh, Exp, Log, Sqrt, Abs, Neg, Relu, Floor, Round };

struct UnarySpec {
  Unary kind;
};

/** Over the middle axis of (outer, length, inner). */
struct SoftmaxSpec {
  int outer;
  int length;
  int inner;
  bool log;
};

using OpSpec = std::variant<InputSpec, ConvSpec, ScaleSpec, AddSpec, AvgPoolSpec, MaxPoolSpec,
                            RouteSpec, ReluSpec, QuantSpec, UnarySpec, SoftmaxSpec>;

struct NodeSpec {
  std::string name;
  Shape shape;
  std::vector<int> inputs;  // earlier nodes
  OpSpec op;
};

}  // namespace casc::dense
