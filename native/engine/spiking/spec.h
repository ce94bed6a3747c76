// A spiking plan as it was described to us: `PlanDescription` of lib/native/types.ts in C++ types.
// Index orders are the API's (C×H×W, weights OIHW); nothing is checked or packed yet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace casc::spiking {

enum class Format { Float32, Int8, Int16 };

struct Shape {
  int32_t c = 0, h = 0, w = 0;
  size_t numel() const { return size_t(c) * size_t(h) * size_t(w); }
  size_t row() const { return size_t(c) * size_t(w); }  // elements of one image row, channel-last
  bool operator==(const Shape&) const = default;
};

/** Geometry of a sliding window; y before x, pads: top, left, bottom, right. */
struct Window {
  int32_t kernel[2] = {1, 1};
  int32_t strides[2] = {1, 1};
  int32_t pads[4] = {0, 0, 0, 0};
  int32_t dilations[2] = {1, 1};
};

using Weights = std::variant<std::vector<int8_t>, std::vector<int16_t>, std::vector<float>>;
/** int32_t in the fixed-point formats, float in float32. */
using Numbers = std::variant<std::vector<int32_t>, std::vector<float>>;

enum class TermOp { Conv, Scale, AvgPool };

struct TermSpec {
  TermOp op = TermOp::Conv;
  int32_t source = 0;
  Weights weight;      // conv: [M, C / groups, kh, kw]
  int32_t groups = 1;  // conv
  Window window;       // conv, avgpool
  Numbers factor;      // scale: [c]; avgpool: [h · w]
};

enum class LayerKind { Input, Neuron, Linear, MaxPool, Relay };

/** x → scale · clip(roundHalfEven(x / step), lo, hi) */
struct Grid {
  double step = 1, lo = 0, hi = 0, scale = 1;
};

struct LayerSpec {
  std::string name;
  LayerKind kind = LayerKind::Input;
  Shape shape;
  std::optional<Grid> grid;      // input
  std::vector<TermSpec> terms;   // neuron, linear
  Numbers bias;                  // neuron, linear: [c] or [c · h · w], per awake step
  Numbers threshold;             // neuron: [c]
  Numbers start;                 // neuron: [c]
  bool readout = false;          // linear
  double readoutScale = 1;       // linear
  std::vector<int32_t> sources;  // maxpool: one; relay: any number
  Window window;                 // maxpool
  std::vector<int32_t> index;    // relay
};

struct PlanSpec {
  Format format = Format::Float32;
  std::vector<LayerSpec> layers;
};

}  // namespace casc::spiking
