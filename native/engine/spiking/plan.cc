#include "engine/spiking/plan.h"

#include <algorithm>
#include <numeric>

#include "engine/spiking/check.h"

namespace casc::spiking {
namespace {

/** C×H×W → H×W×C. */
template <class T>
Aligned<T> channelLast(const std::vector<T>& values, const Shape& s) {
  Aligned<T> out(values.size());
  const size_t area = size_t(s.h) * size_t(s.w);
  for (size_t c = 0; c < size_t(s.c); ++c)
    for (size_t p = 0; p < area; ++p) out[p * size_t(s.c) + c] = values[c * area + p];
  return out;
}

/** [c] → one image row [w · c]. */
template <class T>
Aligned<T> tiled(const std::vector<T>& values, const Shape& s) {
  Aligned<T> out;
  out.reserve(s.row());
  for (int32_t x = 0; x < s.w; ++x) out.insert(out.end(), values.begin(), values.end());
  return out;
}

/** Taps in x ordered so that those reaching neighbouring outputs follow each other: by the residue
 * of the stride, then downwards (the output moves left as the tap moves right). */
std::vector<int32_t> tapOrder(int32_t kernel, int32_t stride, int32_t dilation) {
  std::vector<int32_t> order(static_cast<size_t>(kernel));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
    const int64_t ra = int64_t{a} * dilation % stride, rb = int64_t{b} * dilation % stride;
    return ra != rb ? ra < rb : a > b;
  });
  return order;
}

std::vector<int32_t> naturalOrder(int32_t kernel) {
  std::vector<int32_t> order(static_cast<size_t>(kernel));
  std::iota(order.begin(), order.end(), 0);
  return order;
}

template <class N>
class Compiler {
 public:
  Compiler(Plan<N>& plan, const PlanSpec& spec, const Kernels& kernels)
      : plan_(plan), spec_(spec), kernels_(kernels) {}

  void layer(size_t index) {
    const LayerSpec& from = spec_.layers[index];
    Layer<N> to;
    to.kind = from.kind;
    to.name = from.name;
    to.shape = from.shape;
    to.grid = from.grid;
    to.window = from.window;
    to.lastUse = index;
    switch (from.kind) {
      case LayerKind::Input:
        plan_.input = index;
        to.graded = to.constant = true;
        break;
      case LayerKind::Neuron:
        to.channelThreshold = std::get<std::vector<N>>(from.threshold);
        to.channelStart = std::get<std::vector<N>>(from.start);
        to.threshold = tiled(to.channelThreshold, from.shape);
        to.neuronOrdinal = static_cast<uint32_t>(plan_.neuronLayers.size());
        plan_.neuronLayers.push_back(index);
        current(from, to);
        break;
      case LayerKind::Linear:
        to.graded = true;
        current(from, to);
        to.constant = allConstant(to.sources);
        to.readout = from.readout;
        to.readoutScale = from.readoutScale;
        if (from.readout) {
          to.readoutOffset = plan_.outputs;
          plan_.outputs += from.shape.numel();
          plan_.readoutLayers.push_back(index);
        }
        break;
      case LayerKind::MaxPool:
        addSource(to, size_t(from.sources[0]));
        to.graded = plan_.layers[to.sources[0]].graded;
        to.constant = plan_.layers[to.sources[0]].constant;
        break;
      case LayerKind::Relay:
        relay(from, to);
        break;
    }
    for (size_t source : to.sources) {
      Layer<N>& read = plan_.layers[source];
      read.lastUse = index;
      to.depth = std::max(to.depth, read.depth + (read.kind == LayerKind::Neuron ? 1 : 0));
    }
    if (to.kind == LayerKind::Neuron) plan_.depth = std::max(plan_.depth, to.depth);
    const bool inputFed = !to.sources.empty() && allConstant(to.sources);
    for (const TermSpec& term : from.terms) {
      const double macs = macsOf(term, from.shape);
      plan_.denseMacs += macs;
      if (inputFed) plan_.inputMacs += macs;
    }
    plan_.bytes += bytesOf(to);
    plan_.layers.push_back(std::move(to));
  }

 private:
  bool allConstant(const std::vector<size_t>& sources) const {
    return std::all_of(sources.begin(), sources.end(),
                       [this](size_t s) { return plan_.layers[s].constant; });
  }

  static void addSource(Layer<N>& to, size_t source) {
    if (std::find(to.sources.begin(), to.sources.end(), source) == to.sources.end())
      to.sources.push_back(source);
  }

  double macsOf(const TermSpec& term, const Shape& s) const {
    const double taps = double(term.window.kernel[0]) * double(term.window.kernel[1]);
    const double elements = double(s.numel());
    if (term.op == TermOp::Scale) return elements;
    if (term.op == TermOp::AvgPool) return elements * taps;
    const int perGroup = spec_.layers[size_t(term.source)].shape.c / term.groups;
    return elements * taps * perGroup;
  }

  static size_t bytesOf(const Layer<N>& layer) {
    size_t bytes = (layer.bias.size() + layer.threshold.size()) * sizeof(N) +
                   layer.runs.size() * sizeof(RelayRun);
    for (const Term<N>& term : layer.terms) {
      bytes += term.conv.weights.size() + term.conv.patchWeights.size() +
               term.conv.windows.bytes() + (term.conv.rows ? term.conv.rows->bytes() : 0) +
               term.conv.runs.size() * sizeof(ColumnRun) +
               term.conv.rowTaps.size() * sizeof(RowTap) + term.factor.size() * sizeof(N);
    }
    return bytes;
  }

  void current(const LayerSpec& from, Layer<N>& to) {
    const auto& bias = std::get<std::vector<N>>(from.bias);
    to.biasVaries = bias.size() != size_t(from.shape.c);
    to.bias = to.biasVaries ? channelLast(bias, from.shape) : tiled(bias, from.shape);
    for (const TermSpec& spec : from.terms) {
      Term<N> term;
      term.op = spec.op;
      term.source = size_t(spec.source);
      term.window = spec.window;
      addSource(to, term.source);
      const Shape& in = spec_.layers[term.source].shape;
      if (spec.op == TermOp::Conv) {
        std::visit([&](const auto& weights) { conv(weights, spec, in, from.shape, term.conv); },
                   spec.weight);
      } else {
        term.factor = std::get<std::vector<N>>(spec.factor);
      }
      if (spec.op == TermOp::Scale) term.factorRow = tiled(term.factor, from.shape);
      if (spec.op == TermOp::AvgPool) {
        const Window& win = spec.window;
        term.rows = AxisTaps(in.h, from.shape.h, win.strides[0], win.pads[0], win.dilations[0],
                             naturalOrder(win.kernel[0]));
        term.columns = AxisTaps(in.w, from.shape.w, win.strides[1], win.pads[1], win.dilations[1],
                                naturalOrder(win.kernel[1]));
        for (size_t x = 0; x < size_t(in.w); ++x) term.columnTaps.push_back(term.columns.count(x));
      }
      if (term.op == TermOp::Scale && !plan_.layers[term.source].graded && !to.neuronShortcut)
        to.neuronShortcut = to.terms.size();
      to.terms.push_back(std::move(term));
    }
  }

  template <class W>
  void conv(const std::vector<W>& oihw, const TermSpec& spec, const Shape& in, const Shape& out,
            ConvTerm<N>& to) {
    const Window& win = spec.window;
    const size_t kh = size_t(win.kernel[0]), kw = size_t(win.kernel[1]);
    const size_t cin = size_t(in.c), cinGroup = cin / size_t(spec.groups);
    const size_t coutGroup = size_t(out.c) / size_t(spec.groups);
    const auto order = tapOrder(win.kernel[1], win.strides[1], win.dilations[1]);
    std::vector<size_t> place(kw);
    for (size_t i = 0; i < kw; ++i) place[size_t(order[i])] = i;

    to.groups = spec.groups;
    to.rowLength = kw * coutGroup;
    to.weights.resize(oihw.size() * sizeof(W));
    W* packed = reinterpret_cast<W*>(to.weights.data());
    for (size_t m = 0; m < size_t(out.c); ++m) {
      for (size_t c = 0; c < cinGroup; ++c) {
        const size_t channel = m / coutGroup * cinGroup + c;
        const W* from = oihw.data() + (m * cinGroup + c) * kh * kw;
        for (size_t ky = 0; ky < kh; ++ky)
          for (size_t kx = 0; kx < kw; ++kx)
            packed[((ky * cin + channel) * kw + place[kx]) * coutGroup + m % coutGroup] =
                from[ky * kw + kx];
      }
    }
    if (spec.groups > 1)
      for (size_t c = 0; c < cin; ++c) to.channelSums.push_back(uint32_t(c / cinGroup * coutGroup));

    const AxisTaps rows(in.h, out.h, win.strides[0], win.pads[0], win.dilations[0],
                        naturalOrder(win.kernel[0]));
    to.rowBegin = rows.begin;
    for (const AxisTap& tap : rows.taps) {
      to.rowTaps.push_back({tap.out * out.row(), tap.tap * cin * to.rowLength});
      to.tapRows.push_back(tap.out);
    }
    const AxisTaps columns(in.w, out.w, win.strides[1], win.pads[1], win.dilations[1], order);
    to.columnBegin.push_back(0);
    for (size_t x = 0; x < size_t(in.w); ++x) {
      const size_t first = to.runs.size();
      for (uint32_t i = columns.begin[x]; i < columns.begin[x + 1]; ++i) {
        const AxisTap tap = columns.taps[i];
        const ColumnRun run{uint32_t(tap.out * size_t(out.c)), uint32_t(place[tap.tap] * coutGroup),
                            uint32_t(coutGroup)};
        // Only a whole pixel's channels adjoin the next pixel's.
        if (spec.groups == 1 && to.runs.size() > first &&
            to.runs.back().sums + to.runs.back().length == run.sums &&
            to.runs.back().weights + to.runs.back().length == run.weights) {
          to.runs.back().length += run.length;
        } else {
          to.runs.push_back(run);
        }
      }
      to.columnBegin.push_back(uint32_t(to.runs.size()));
      to.columnFan.push_back(uint32_t(columns.count(x) * coutGroup));
    }
    packPatches(oihw, kh * kw, cinGroup, coutGroup, to);
    to.fullFan = double(kh * kw * coutGroup) / (double(win.strides[0]) * win.strides[1]);
    if constexpr (std::is_same_v<W, int8_t>) {
      if (spec.groups == 1) {
        to.windows = WindowSynapse(oihw, win, in, out);
        to.rows = RowSynapse::make(oihw, win, in, out, kernels_.rowsNarrow, kernels_.rowsWide);
      }
    }
  }

  /** The oracle's weights; see kernels/patch/patch.h. */
  template <class W>
  static void packPatches(const std::vector<W>& oihw, size_t taps, size_t cinGroup,
                          size_t coutGroup, ConvTerm<N>& to) {
    constexpr size_t step = std::is_same_v<N, float> ? 1 : 2;
    const size_t width = (coutGroup + kPatchOutputs - 1) / kPatchOutputs * kPatchOutputs;
    const size_t k = (taps * cinGroup + step - 1) / step * step;
    to.patchGroupBytes = k * width * sizeof(W);
    to.patchWeights.assign(to.patchGroupBytes * size_t(to.groups), std::byte{0});
    for (size_t group = 0; group < size_t(to.groups); ++group) {
      W* packed = reinterpret_cast<W*>(to.patchWeights.data() + group * to.patchGroupBytes);
      for (size_t m = 0; m < coutGroup; ++m) {
        const W* from = oihw.data() + (group * coutGroup + m) * cinGroup * taps;
        for (size_t c = 0; c < cinGroup; ++c) {
          for (size_t tap = 0; tap < taps; ++tap) {
            const size_t i = tap * cinGroup + c;
            packed[(i / step * width + m) * step + i % step] = from[c * taps + tap];
          }
        }
      }
    }
  }

  void relay(const LayerSpec& from, Layer<N>& to) {
    std::vector<size_t> offsets{0};
    for (int32_t source : from.sources) {
      const Layer<N>& layer = plan_.layers[size_t(source)];
      to.relayed.push_back(size_t(source));
      to.graded = to.graded || layer.graded;
      offsets.push_back(offsets.back() + layer.shape.numel());
      addSource(to, size_t(source));
    }
    to.constant = allConstant(to.sources);
    const Shape& s = from.shape;
    const size_t area = size_t(s.h) * size_t(s.w);
    for (size_t p = 0; p < area; ++p) {
      for (size_t c = 0; c < size_t(s.c); ++c) {
        const int32_t index = from.index[c * area + p];
        if (index < 0) {
          to.covered = false;
          continue;
        }
        const size_t which =
            size_t(std::upper_bound(offsets.begin(), offsets.end(), size_t(index)) -
                   offsets.begin()) -
            1;
        const Shape& in = plan_.layers[to.relayed[which]].shape;
        const size_t inArea = size_t(in.h) * size_t(in.w), i = size_t(index) - offsets[which];
        const uint32_t source = uint32_t(i % inArea * size_t(in.c) + i / inArea);
        const uint32_t target = uint32_t(p * size_t(s.c) + c);
        if (!to.runs.empty()) {
          RelayRun& last = to.runs.back();
          if (last.source == which && last.to + last.length == target &&
              last.from + last.length == source) {
            ++last.length;
            continue;
          }
        }
        to.runs.push_back({uint32_t(which), target, source, 1});
      }
    }
  }

  Plan<N>& plan_;
  const PlanSpec& spec_;
  const Kernels& kernels_;
};

template <class N>
void chooseKernels(Plan<N>& plan, Format format, const Kernels& kernels) {
  plan.number = numberKernels<N>(kernels);
  plan.train = kernels.train;
  plan.windowProduct = kernels.windowProduct;
  plan.addShortcut = kernels.addShortcut;
  plan.collectCodes = kernels.collectCodes;
  plan.byteKernels = kernels.bytes;
  if constexpr (std::is_same_v<N, float>) {
    plan.scatter = kernels.scatterFloat32;
    plan.patchProduct = kernels.patchFloat32;
    plan.weightSize = sizeof(float);
  } else {
    const bool small = format == Format::Int8;
    plan.scatter = small ? kernels.scatterInt8 : kernels.scatterInt16;
    plan.patchProduct = small ? kernels.patchInt8 : kernels.patchInt16;
    plan.weightSize = small ? sizeof(int8_t) : sizeof(int16_t);
  }
}

}  // namespace

template <class N>
Plan<N>::Plan(PlanSpec spec, const Kernels& kernels, const CostModel& costs) : cost(costs) {
  checkPlan(spec);
  chooseKernels(*this, spec.format, kernels);
  Compiler<N> compiler(*this, spec, kernels);
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    compiler.layer(i);
    // Its arrays are packed now; holding both would double the peak.
    spec.layers[i].terms.clear();
    spec.layers[i].index = {};
  }
}

template struct Plan<int32_t>;
template struct Plan<float>;

}  // namespace casc::spiking
