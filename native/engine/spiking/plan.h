// The compiled plan: weights packed for the kernels, geometry in tables, planes channel-last
// (H×W×C). Immutable, so any number of images and threads share one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/spiking/aligned.h"
#include "engine/spiking/row_synapse.h"
#include "engine/spiking/spec.h"
#include "engine/spiking/window_synapse.h"
#include "engine/spiking/window_taps.h"
#include "kernels/registry.h"

namespace casc::spiking {

/** Types and kernels that follow from the number type. */
template <class N>
struct NumberTraits;
template <>
struct NumberTraits<int32_t> {
  using Patch = int16_t;  // what the oracle multiplies
  using Wide = int64_t;   // what sums over all steps are kept in
};
template <>
struct NumberTraits<float> {
  using Patch = float;
  using Wide = double;
};

template <class N>
struct ConvTerm {
  // Event-driven: [ky][cin][taps in x, ordered so that neighbours are adjacent][cout / groups].
  Aligned<std::byte> weights;
  std::vector<uint32_t> rowBegin;  // taps of input row y: [rowBegin[y], rowBegin[y + 1])
  std::vector<RowTap> rowTaps;
  std::vector<uint32_t> tapRows;  // output row of each rowTap
  std::vector<uint32_t> columnBegin;
  std::vector<ColumnRun> runs;
  std::vector<uint32_t> columnFan;    // additions per row tap of an event in column x
  std::vector<uint32_t> channelSums;  // per input channel; empty for one group
  size_t rowLength = 0;
  // The oracle's copy: per group [k = (ky, kx, cin / groups)][cout / groups padded], in fixed point
  // k in pairs.
  Aligned<std::byte> patchWeights;
  size_t patchGroupBytes = 0;
  int32_t groups = 1;
  double fullFan = 0;              // additions of an event far from the border
  WindowSynapse windows;           // int8 and one group only
  std::optional<RowSynapse> rows;  // these with stride 1
};

template <class N>
struct Term {
  TermOp op = TermOp::Conv;
  size_t source = 0;
  Window window;                     // conv, avgpool
  ConvTerm<N> conv;                  // conv
  std::vector<N> factor;             // scale: [c]; avgpool: [h · w]
  Aligned<N> factorRow;              // scale: one row [w · c]
  AxisTaps rows, columns;            // avgpool
  std::vector<uint32_t> columnTaps;  // avgpool: outputs of an input column
};

/** A contiguous piece of a relay: out[to, to + length) = source[from, …). */
struct RelayRun {
  uint32_t source;  // ordinal in Layer::sources
  uint32_t to, from, length;
};

template <class N>
struct Layer {
  LayerKind kind = LayerKind::Input;
  std::string name;
  Shape shape;
  /** The same value in every awake step and zero in sleep: the input and what is linear in it. */
  bool constant = false;
  /** Values are of type N instead of int8 spikes. */
  bool graded = false;
  /** Last layer that reads this one; its own index if none. */
  size_t lastUse = 0;
  std::vector<size_t> sources;  // distinct layers read, for neuron and linear too

  std::optional<Grid> grid;
  std::vector<Term<N>> terms;
  /** The shortcut of spikes that the neurons add themselves; see kernels/train. */
  std::optional<size_t> neuronShortcut;
  /** Per awake step: one row [w · c], or the whole plane where it varies over the image. */
  Aligned<N> bias;
  bool biasVaries = false;
  Aligned<N> threshold;                           // one row [w · c]
  std::vector<N> channelThreshold, channelStart;  // [c]
  int32_t depth = 0;                              // neuron layers before it on the longest path
  uint32_t neuronOrdinal = 0;                     // among neuron layers

  bool readout = false;
  double readoutScale = 1;
  size_t readoutOffset = 0;  // first element among all readouts

  Window window;                // maxpool
  std::vector<RelayRun> runs;   // relay
  bool covered = true;          // relay: does a run write every element?
  std::vector<size_t> relayed;  // relay: its sources in order, possibly repeated
};

template <class N>
struct Plan {
  Plan(PlanSpec spec, const Kernels& kernels, const CostModel& costs);

  std::vector<Layer<N>> layers;
  size_t input = 0;  // index of the input layer
  std::vector<size_t> neuronLayers, readoutLayers;
  size_t outputs = 0;  // elements of all readouts
  int32_t depth = 0;   // that of the deepest neuron layer
  size_t bytes = 0;    // packed weights and tables
  double denseMacs = 0, inputMacs = 0;

  NumberKernels<N> number;
  Scatter<N> scatter;
  PatchProduct<typename NumberTraits<N>::Patch, N> patchProduct;
  Train train;
  WindowProduct windowProduct;
  AddShortcut addShortcut;
  CollectCodes collectCodes;
  ByteKernels byteKernels;
  CostModel cost;
  size_t weightSize = 0;  // bytes of one weight
};

extern template struct Plan<int32_t>;
extern template struct Plan<float>;

}  // namespace casc::spiking
