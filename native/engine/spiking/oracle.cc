#include "engine/spiking/oracle.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "engine/spiking/term_adder.h"

namespace casc::spiking {
namespace {

/** Calls body(y, x, tap) for the taps of an output pixel that are inside the image. */
template <class Body>
void eachTap(const Window& win, const Shape& in, size_t oy, size_t ox, Body body) {
  for (int64_t ky = 0; ky < win.kernel[0]; ++ky) {
    const int64_t y = int64_t(oy) * win.strides[0] - win.pads[0] + ky * win.dilations[0];
    if (y < 0 || y >= in.h) continue;
    for (int64_t kx = 0; kx < win.kernel[1]; ++kx) {
      const int64_t x = int64_t(ox) * win.strides[1] - win.pads[1] + kx * win.dilations[1];
      if (x >= 0 && x < in.w) body(size_t(y), size_t(x), size_t(ky * win.kernel[1] + kx));
    }
  }
}

int64_t floorLevels(int64_t sum, int32_t threshold) {
  return sum / threshold - (sum % threshold < 0 ? 1 : 0);
}
double floorLevels(double sum, float threshold) { return std::floor(sum / double{threshold}); }

}  // namespace

template <class N>
Oracle<N>::Oracle(const Plan<N>& plan) : plan_(plan), bytes_(plan), values_(plan.layers.size()) {}

template <class N>
const N* Oracle<N>::numbers(size_t index) {
  if constexpr (std::is_same_v<N, int32_t>) {
    if (values_[index].empty()) {
      const int8_t* counts = bytes_.counts(index);
      take(index);
      std::copy_n(counts, plan_.layers[index].shape.numel(), values_[index].data());
    }
  }
  return values_[index].data();
}

/** Gives a layer a buffer. */
template <class N>
void Oracle<N>::take(size_t index) {
  if (values_[index].capacity() == 0 && !spare_.empty()) {
    values_[index].swap(spare_.back());
    spare_.pop_back();
  }
  values_[index].resize(plan_.layers[index].shape.numel());
}

template <class N>
void Oracle<N>::release(size_t index) {
  if (!values_[index].empty()) spare_.push_back(std::move(values_[index]));
  values_[index] = {};
  if constexpr (std::is_same_v<N, int32_t>) bytes_.release(index);
}

template <class N>
void Oracle<N>::run(const N* input, const Schedule& schedule, const AbortFlag& abort,
                    const Visit& visit) {
  for (size_t i = 0; i < plan_.layers.size(); ++i) release(i);
  if constexpr (std::is_same_v<N, int32_t>) bytes_.begin(input, schedule);
  for (size_t i = 0; i < plan_.layers.size(); ++i) {
    throwIfAborted(abort);
    layer(i, input, schedule, visit);
    for (size_t source : plan_.layers[i].sources)
      if (plan_.layers[source].lastUse == i) release(source);
  }
}

template <class N>
void Oracle<N>::layer(size_t index, const N* input, const Schedule& schedule, const Visit& visit) {
  const Layer<N>& layer = plan_.layers[index];
  const size_t numel = layer.shape.numel();
  if (layer.kind == LayerKind::Relay && layer.lastUse == index) return;  // nobody reads it
  if constexpr (std::is_same_v<N, int32_t>) {
    const bool linear = layer.kind == LayerKind::Linear || layer.kind == LayerKind::Input;
    if (!linear && bytes_.layer(index)) {
      if (layer.kind == LayerKind::Neuron) visit(index, {nullptr, bytes_.counts(index)});
      return;
    }
  }
  take(index);
  N* out = values_[index].data();
  std::fill_n(out, numel, N(0));
  switch (layer.kind) {
    case LayerKind::Input:
      for (size_t e = 0; e < numel; ++e)
        out[e] = addProduct(N(0), static_cast<N>(schedule.wake), input[e]);
      break;
    case LayerKind::Neuron:
      sumTerms(layer, out);
      finishNeurons(layer, schedule, out);
      visit(index, {out, nullptr});
      break;
    case LayerKind::Linear:
      if (!sumBytes(index, out)) sumTerms(layer, out);
      finishLinear(layer, schedule, out);
      if (layer.readout) visit(index, {out, nullptr});
      break;
    case LayerKind::MaxPool:
      maxPool(layer, out);
      break;
    case LayerKind::Relay:
      relay(layer, out);
      break;
  }
}

template <class N>
bool Oracle<N>::sumBytes(size_t index, N* out) {
  if constexpr (std::is_same_v<N, int32_t>) {
    if (bytes_.linear(index, out)) return true;
    std::fill_n(out, plan_.layers[index].shape.numel(), 0);
  }
  return false;
}

template <class N>
void Oracle<N>::sumTerms(const Layer<N>& layer, N* out) {
  for (const Term<N>& term : layer.terms) {
    if (term.op == TermOp::Conv) {
      conv(layer, term, out);
    } else if (term.op == TermOp::Scale) {
      scale(layer, term, out);
    } else {
      avgPool(layer, term, out);
    }
  }
}

template <class N>
bool Oracle<N>::pad(const N* source, const Shape& s, const Window& win) {
  const size_t c = size_t(s.c), width = size_t(s.w + win.pads[1] + win.pads[3]);
  const size_t height = size_t(s.h + win.pads[0] + win.pads[2]);
  padded_.assign(height * width * c, Patch(0));
  bool fits = true;
  for (size_t y = 0; y < size_t(s.h); ++y) {
    const N* from = source + y * s.row();
    Patch* to = padded_.data() + ((y + size_t(win.pads[0])) * width + size_t(win.pads[1])) * c;
    for (size_t i = 0; i < s.row(); ++i) {
      to[i] = static_cast<Patch>(from[i]);
      fits = fits && (std::is_same_v<Patch, N> || static_cast<N>(to[i]) == from[i]);
    }
  }
  return fits;
}

template <class N>
void Oracle<N>::conv(const Layer<N>& layer, const Term<N>& term, N* out) {
  const Shape& in = plan_.layers[term.source].shape;
  const Window& win = term.window;
  if (!pad(numbers(term.source), in, win)) return wideConv(layer, term, out);
  const size_t groups = size_t(term.conv.groups), c = size_t(in.c), cin = c / groups;
  const size_t cout = size_t(layer.shape.c) / groups;
  const size_t kh = size_t(win.kernel[0]), kw = size_t(win.kernel[1]);
  const size_t width = size_t(in.w + win.pads[1] + win.pads[3]);
  const bool wholeRows = groups == 1 && win.dilations[1] == 1;
  PatchJob<Patch, N> job;
  job.k = kh * kw * cin;
  if constexpr (!std::is_same_v<N, float>) job.k += job.k % 2;
  job.patchStride = job.k;
  job.outputs = cout;
  job.outStride = size_t(layer.shape.c);
  patches_.assign(job.k * kPatches, Patch(0));
  job.patches = patches_.data();
  for (size_t group = 0; group < groups; ++group) {
    job.weights = term.conv.patchWeights.data() + group * term.conv.patchGroupBytes;
    for (size_t oy = 0; oy < size_t(layer.shape.h); ++oy) {
      for (size_t ox = 0; ox < size_t(layer.shape.w); ox += job.patchCount) {
        job.patchCount = std::min(kPatches, size_t(layer.shape.w) - ox);
        for (size_t p = 0; p < job.patchCount; ++p) {
          Patch* to = patches_.data() + p * job.patchStride;
          for (size_t ky = 0; ky < kh; ++ky) {
            const size_t y = oy * size_t(win.strides[0]) + ky * size_t(win.dilations[0]);
            const Patch* row =
                padded_.data() + (y * width + (ox + p) * size_t(win.strides[1])) * c + group * cin;
            if (wholeRows) {
              to = std::copy_n(row, kw * cin, to);
            } else {
              for (size_t kx = 0; kx < kw; ++kx)
                to = std::copy_n(row + kx * size_t(win.dilations[1]) * c, cin, to);
            }
          }
        }
        job.out = out + (oy * size_t(layer.shape.w) + ox) * job.outStride + group * cout;
        plan_.patchProduct(job);
      }
    }
  }
}

template <class N>
void Oracle<N>::wideConv(const Layer<N>& layer, const Term<N>& term, N* out) {
  const Shape& in = plan_.layers[term.source].shape;
  const size_t groups = size_t(term.conv.groups), c = size_t(in.c), cin = c / groups;
  const size_t cout = size_t(layer.shape.c) / groups;
  const size_t width = (cout + kPatchOutputs - 1) / kPatchOutputs * kPatchOutputs;
  const N* values = numbers(term.source);
  auto weight = [&](size_t group, size_t k, size_t m) {
    const std::byte* packed = term.conv.patchWeights.data() + group * term.conv.patchGroupBytes;
    if constexpr (std::is_same_v<N, float>) {
      return reinterpret_cast<const float*>(packed)[k * width + m];
    } else {
      const size_t at = (k / 2 * width + m) * 2 + k % 2;
      return plan_.weightSize == 1 ? N{reinterpret_cast<const int8_t*>(packed)[at]}
                                   : N{reinterpret_cast<const int16_t*>(packed)[at]};
    }
  };
  for (size_t oy = 0; oy < size_t(layer.shape.h); ++oy) {
    for (size_t ox = 0; ox < size_t(layer.shape.w); ++ox) {
      N* to = out + (oy * size_t(layer.shape.w) + ox) * size_t(layer.shape.c);
      eachTap(term.window, in, oy, ox, [&](size_t y, size_t x, size_t tap) {
        for (size_t channel = 0; channel < c; ++channel) {
          const N value = values[(y * size_t(in.w) + x) * c + channel];
          if (value == 0) continue;
          const size_t group = channel / cin;
          for (size_t m = 0; m < cout; ++m) {
            N& sum = to[group * cout + m];
            sum = addProduct(sum, weight(group, tap * cin + channel % cin, m), value);
          }
        }
      });
    }
  }
}

template <class N>
void Oracle<N>::scale(const Layer<N>& layer, const Term<N>& term, N* out) {
  const N* from = numbers(term.source);
  const size_t c = size_t(layer.shape.c);
  for (size_t p = 0; p < layer.shape.numel(); p += c)
    for (size_t i = 0; i < c; ++i) out[p + i] = addProduct(out[p + i], term.factor[i], from[p + i]);
}

template <class N>
void Oracle<N>::avgPool(const Layer<N>& layer, const Term<N>& term, N* out) {
  const Shape& in = plan_.layers[term.source].shape;
  const N* from = numbers(term.source);
  const size_t c = size_t(layer.shape.c);
  std::vector<N> sum(c);
  for (size_t oy = 0; oy < size_t(layer.shape.h); ++oy) {
    for (size_t ox = 0; ox < size_t(layer.shape.w); ++ox) {
      std::fill(sum.begin(), sum.end(), N(0));
      eachTap(term.window, in, oy, ox, [&](size_t y, size_t x, size_t) {
        const N* pixel = from + (y * size_t(in.w) + x) * c;
        for (size_t i = 0; i < c; ++i) sum[i] = addProduct(sum[i], N(1), pixel[i]);
      });
      const size_t pixel = oy * size_t(layer.shape.w) + ox;
      for (size_t i = 0; i < c; ++i)
        out[pixel * c + i] = addProduct(out[pixel * c + i], term.factor[pixel], sum[i]);
    }
  }
}

template <class N>
void Oracle<N>::maxPool(const Layer<N>& layer, N* out) {
  const Shape& in = plan_.layers[layer.sources[0]].shape;
  const N* from = numbers(layer.sources[0]);
  const size_t c = size_t(layer.shape.c);
  for (size_t oy = 0; oy < size_t(layer.shape.h); ++oy) {
    for (size_t ox = 0; ox < size_t(layer.shape.w); ++ox) {
      N* to = out + (oy * size_t(layer.shape.w) + ox) * c;
      bool first = true;
      eachTap(layer.window, in, oy, ox, [&](size_t y, size_t x, size_t) {
        const N* pixel = from + (y * size_t(in.w) + x) * c;
        for (size_t i = 0; i < c; ++i) to[i] = first || to[i] < pixel[i] ? pixel[i] : to[i];
        first = false;
      });
    }
  }
}

template <class N>
void Oracle<N>::relay(const Layer<N>& layer, N* out) {
  for (const RelayRun& run : layer.runs)
    std::copy_n(numbers(layer.relayed[run.source]) + run.from, run.length, out + run.to);
}

template <class N>
void Oracle<N>::finishNeurons(const Layer<N>& layer, const Schedule& schedule, N* out) {
  using Wide = typename NumberTraits<N>::Wide;
  const size_t c = size_t(layer.shape.c), w = size_t(layer.shape.w);
  const Wide t = schedule.wake;
  std::vector<Wide> starts(c);
  for (size_t i = 0; i < c; ++i)
    starts[i] = Wide(startOf(schedule, layer.channelStart[i], layer.channelThreshold[i]));
  for (size_t p = 0; p < layer.shape.numel() / c; ++p, out += c) {
    const N* bias = layer.bias.data() + (layer.biasVaries ? p : p % w) * c;
    for (size_t i = 0; i < c; ++i) {
      const Wide levels =
          floorLevels(Wide(out[i]) + t * Wide(bias[i]) + starts[i], layer.channelThreshold[i]);
      out[i] = static_cast<N>(std::clamp<Wide>(levels, 0, t));
    }
  }
}

template <class N>
void Oracle<N>::finishLinear(const Layer<N>& layer, const Schedule& schedule, N* out) {
  const size_t row = layer.shape.row();
  for (size_t i = 0; i < layer.shape.numel(); ++i) {
    out[i] = addProduct(out[i], static_cast<N>(schedule.wake),
                        layer.bias[layer.biasVaries ? i : i % row]);
  }
}

template class Oracle<int32_t>;
template class Oracle<float>;

}  // namespace casc::spiking
