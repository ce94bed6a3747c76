#include "engine/spiking/check.h"

#include <cmath>
#include <limits>

#include "engine/error.h"

namespace casc::spiking {
namespace {

constexpr size_t kMaxElements = size_t{1} << 28;  // of one layer; offsets then fit 32 bits
constexpr int32_t kMaxWindow = 1 << 16;

/** Checks one layer; every failure names it. */
class LayerCheck {
 public:
  LayerCheck(const PlanSpec& spec, size_t index) : spec_(spec), index_(index) {}

  void run() const {
    const LayerSpec& layer = at();
    const Shape& s = layer.shape;
    require(s.c > 0 && s.h > 0 && s.w > 0, "c, h and w must be positive");
    require(size_t(s.c) <= kMaxElements / size_t(s.h) &&
                size_t(s.c) * size_t(s.h) <= kMaxElements / size_t(s.w),
            "more than 2^28 elements");
    switch (layer.kind) {
      case LayerKind::Input:
        return input();
      case LayerKind::Neuron:
        numbers(layer.threshold, s.c, "threshold");
        positive(layer.threshold);
        numbers(layer.start, s.c, "start");
        return current();
      case LayerKind::Linear:
        require(std::isfinite(layer.readoutScale), "readoutScale must be finite");
        return current();
      case LayerKind::MaxPool: {
        const Shape& from = source(layer.sources.at(0));
        require(from.c == s.c, "maxpool must keep the number of channels");
        return window(layer.window, from);
      }
      case LayerKind::Relay:
        return relay();
    }
  }

 private:
  const LayerSpec& at() const { return spec_.layers[index_]; }

  [[noreturn]] void fail(const std::string& what) const {
    throw Error("ERR_CASC_ARGUMENT",
                "layer " + std::to_string(index_) + " (" + at().name + "): " + what);
  }
  void require(bool condition, const char* what) const {
    if (!condition) fail(what);
  }

  const Shape& source(int32_t layer) const {
    if (layer < 0 || size_t(layer) >= index_)
      fail("source " + std::to_string(layer) + " is not an earlier layer");
    return spec_.layers[size_t(layer)].shape;
  }

  void numbers(const Numbers& values, size_t length, const char* name) const {
    const bool whole = spec_.format != Format::Float32;
    require(whole == std::holds_alternative<std::vector<int32_t>>(values),
            "numbers must be int32 in fixed point and float32 in float32");
    const size_t have = std::visit([](const auto& v) { return v.size(); }, values);
    if (have != length) {
      fail(std::string(name) + " has " + std::to_string(have) + " elements instead of " +
           std::to_string(length));
    }
    if (whole) return;
    for (float value : std::get<std::vector<float>>(values))
      if (!std::isfinite(value)) fail(std::string(name) + " holds a value that is not finite");
  }

  void positive(const Numbers& thresholds) const {
    std::visit(
        [this](const auto& values) {
          for (auto value : values) require(value > 0, "every threshold must be above 0");
        },
        thresholds);
  }

  void input() const {
    const auto& grid = at().grid;
    if (!grid) return require(spec_.format == Format::Float32, "fixed point needs an input grid");
    require(std::isfinite(grid->step) && grid->step > 0, "grid.step must be positive");
    require(std::isfinite(grid->scale), "grid.scale must be finite");
    const double most = std::numeric_limits<int32_t>::max();
    require(grid->lo <= grid->hi && std::abs(grid->lo) <= most && std::abs(grid->hi) <= most &&
                grid->lo == std::floor(grid->lo) && grid->hi == std::floor(grid->hi),
            "grid.lo and grid.hi must be 32-bit integers, lo ≤ hi");
    require(spec_.format == Format::Float32 || grid->scale == 1,
            "grid.scale must be 1 in fixed point");
  }

  void window(const Window& win, const Shape& from) const {
    const int32_t in[2] = {from.h, from.w};
    const int32_t out[2] = {at().shape.h, at().shape.w};
    for (int axis = 0; axis < 2; ++axis) {
      require(win.kernel[axis] > 0 && win.strides[axis] > 0 && win.dilations[axis] > 0,
              "kernel, strides and dilations must be positive");
      require(win.pads[axis] >= 0 && win.pads[axis + 2] >= 0, "pads must not be negative");
      require(win.kernel[axis] <= kMaxWindow && win.strides[axis] <= kMaxWindow &&
                  win.dilations[axis] <= kMaxWindow && win.pads[axis] <= kMaxWindow &&
                  win.pads[axis + 2] <= kMaxWindow,
              "window sizes above 65536");
      const int64_t padded = int64_t{in[axis]} + win.pads[axis] + win.pads[axis + 2];
      const int64_t extent = int64_t{win.kernel[axis] - 1} * win.dilations[axis] + 1;
      const int64_t size = padded < extent ? 0 : (padded - extent) / win.strides[axis] + 1;
      if (size != out[axis]) {
        fail("the window gives " + std::to_string(size) + (axis == 0 ? " rows" : " columns") +
             " but the layer has " + std::to_string(out[axis]));
      }
    }
  }

  void current() const {
    const Shape& s = at().shape;
    const size_t biases = std::visit([](const auto& v) { return v.size(); }, at().bias);
    numbers(at().bias, biases == s.numel() ? biases : size_t(s.c), "bias");
    for (const TermSpec& term : at().terms) {
      const Shape& from = source(term.source);
      if (term.op == TermOp::Conv) {
        conv(term, from);
      } else if (term.op == TermOp::Scale) {
        require(from == s, "a scale term must keep the shape");
        numbers(term.factor, size_t(s.c), "factor");
      } else {
        require(from.c == s.c, "an avgpool term must keep the number of channels");
        window(term.window, from);
        numbers(term.factor, size_t(s.h) * size_t(s.w), "factor");
      }
    }
  }

  void conv(const TermSpec& term, const Shape& from) const {
    const Shape& s = at().shape;
    require(term.groups > 0 && from.c % term.groups == 0 && s.c % term.groups == 0,
            "groups must divide the channels on both sides");
    window(term.window, from);
    require(term.weight.index() == (spec_.format == Format::Int8    ? 0u
                                    : spec_.format == Format::Int16 ? 1u
                                                                    : 2u),
            "weight is not an array of the plan's format");
    const size_t taps = size_t(term.window.kernel[0]) * size_t(term.window.kernel[1]);
    const size_t channels = size_t(s.c) * size_t(from.c / term.groups);
    require(channels <= (size_t{1} << 32) / taps, "more than 2^32 weights");
    const size_t have = std::visit([](const auto& v) { return v.size(); }, term.weight);
    if (have != channels * taps) {
      fail("weight has " + std::to_string(have) + " elements instead of " +
           std::to_string(channels * taps));
    }
    if (const auto* floats = std::get_if<std::vector<float>>(&term.weight))
      for (float w : *floats) require(std::isfinite(w), "weight holds a value that is not finite");
  }

  void relay() const {
    require(!at().sources.empty(), "a relay needs a source");
    size_t total = 0;
    for (int32_t from : at().sources) total += source(from).numel();
    require(total <= (size_t{1} << 31) - 1, "the sources have more than 2^31 elements");
    if (at().index.size() != at().shape.numel()) {
      fail("index has " + std::to_string(at().index.size()) + " elements instead of " +
           std::to_string(at().shape.numel()));
    }
    for (int32_t i : at().index)
      if (i < -1 || i >= int64_t(total)) fail("index " + std::to_string(i) + " is out of range");
  }

  const PlanSpec& spec_;
  size_t index_;
};

}  // namespace

void checkPlan(const PlanSpec& spec) {
  size_t inputs = 0;
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    LayerCheck(spec, i).run();
    if (spec.layers[i].kind == LayerKind::Input) ++inputs;
  }
  if (inputs != 1) {
    throw Error("ERR_CASC_ARGUMENT",
                "a plan needs exactly one input layer but has " + std::to_string(inputs));
  }
}

}  // namespace casc::spiking
