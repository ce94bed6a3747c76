// The quantised ANN that a spiking net must agree with, computed on a path of its own: dense, no
// neurons, no time. At t levels a neuron's count is clip(⌊(Σ terms + t·bias + start)/θ⌋, 0, t); a
// linear layer's value is Σ terms + t·bias, the input's t·x, a max-pool's the maximum.
#pragma once

#include <functional>
#include <type_traits>
#include <vector>

#include "engine/abort.h"
#include "engine/spiking/byte_oracle.h"
#include "engine/spiking/plan.h"
#include "engine/spiking/schedule.h"

namespace casc::spiking {

/** In float32 there are no counts in bytes. */
struct NoByteOracle {
  template <class P>
  explicit NoByteOracle(const P&) {}
};

template <class N>
class Oracle {
 public:
  explicit Oracle(const Plan<N>& plan);

  /** Called for every neuron and readout layer in order: its counts or values, [h][w][c]; of a
   * neuron layer it is the one or the other. */
  struct Values {
    const N* numbers = nullptr;
    const int8_t* counts = nullptr;
    N operator[](size_t i) const { return counts ? static_cast<N>(counts[i]) : numbers[i]; }
  };
  using Visit = std::function<void(size_t layer, const Values& values)>;

  /** input: H×W×C, see loadInput; levels are schedule.wake. */
  void run(const N* input, const Schedule& schedule, const AbortFlag& abort, const Visit& visit);

  /** Bytes held; see working_memory.h. */
  double bytes() const;

 private:
  using Patch = typename NumberTraits<N>::Patch;

  /** A layer's values, made from its counts where it has only these. */
  const N* numbers(size_t index);
  void take(size_t index);
  void release(size_t index);
  void layer(size_t index, const N* input, const Schedule& schedule, const Visit& visit);
  /** The same from bytes, as dense int8 products; false where that cannot be. */
  bool sumBytes(size_t index, N* out);
  void sumTerms(const Layer<N>& layer, N* out);
  void conv(const Layer<N>& layer, const Term<N>& term, N* out);
  /** Σ over patches whose values do not fit Patch. */
  void wideConv(const Layer<N>& layer, const Term<N>& term, N* out);
  void scale(const Layer<N>& layer, const Term<N>& term, N* out);
  void avgPool(const Layer<N>& layer, const Term<N>& term, N* out);
  void maxPool(const Layer<N>& layer, N* out);
  void relay(const Layer<N>& layer, N* out);
  void finishNeurons(const Layer<N>& layer, const Schedule& schedule, N* out);
  void finishLinear(const Layer<N>& layer, const Schedule& schedule, N* out);
  /** The source with zeros around it, as Patch; false where a value does not fit. */
  bool pad(const N* source, const Shape& shape, const Window& window);

  const Plan<N>& plan_;
  std::conditional_t<std::is_same_v<N, int32_t>, ByteOracle, NoByteOracle> bytes_;
  std::vector<Aligned<N>> values_;  // per layer, [h][w][c]; empty: not known
  std::vector<Aligned<N>> spare_;   // buffers of layers whose last reader is done
  Aligned<Patch> padded_, patches_;
};

extern template class Oracle<int32_t>;
extern template class Oracle<float>;

}  // namespace casc::spiking
