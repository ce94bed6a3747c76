// The one place that knows which kernels exist. Engine code holds a Kernels and never asks for an
// instruction set itself.
#pragma once

#include "kernels/bytes/bytes.h"
#include "kernels/events/events.h"
#include "kernels/isa.h"
#include "kernels/neuron/neuron.h"
#include "kernels/patch/patch.h"
#include "kernels/roof/roof.h"
#include "kernels/rows/rows.h"
#include "kernels/scatter/scatter.h"
#include "kernels/shortcut/shortcut.h"
#include "kernels/train/train.h"
#include "kernels/windows/windows.h"

namespace casc {

/** Kernels that depend on the number type only: int32_t (fixed point) or float. */
template <class N>
struct NumberKernels {
  NeuronStep<N> neuronStep;
  CollectSpikes<N> collectSpikes;
};

struct Kernels {
  Isa isa;
  NumberKernels<int32_t> int32;
  NumberKernels<float> float32;
  // By weight type.
  Scatter<int32_t> scatterInt8;
  Scatter<int32_t> scatterInt16;
  Scatter<float> scatterFloat32;
  PatchProduct<int16_t, int32_t> patchInt8;
  PatchProduct<int16_t, int32_t> patchInt16;
  PatchProduct<float, float> patchFloat32;
  Train train;
  WindowProduct windowProduct;
  AddShortcut addShortcut;
  RowKernel rowsNarrow, rowsWide;
  CollectCodes collectCodes;
  ByteKernels bytes;
  RoofKernels roof;
};

/** The kernels of an instruction set that foundIsas() has. */
const Kernels& kernelsOf(Isa isa);

template <class N>
const NumberKernels<N>& numberKernels(const Kernels& kernels);
template <>
inline const NumberKernels<int32_t>& numberKernels(const Kernels& kernels) {
  return kernels.int32;
}
template <>
inline const NumberKernels<float>& numberKernels(const Kernels& kernels) {
  return kernels.float32;
}

}  // namespace casc
