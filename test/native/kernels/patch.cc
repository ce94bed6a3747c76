#include <type_traits>

#include "check.h"

namespace casc::test {
namespace {

template <class T>
Buffer<T> numbers(Random& random, size_t n, int64_t low, int64_t high) {
  if constexpr (std::is_same_v<T, float>)
    return reals(random, n, -3, 3);
  else
    return integers<T>(random, n, low, high);
}

template <class W, class P, class N>
void multiply(Round& round, PatchProduct<P, N> Kernels::*kernel) {
  Random& random = round.random;
  constexpr bool fixedPoint = !std::is_same_v<N, float>;
  PatchJob<P, N> job;
  job.patchCount = random.size(1, kPatches);
  job.k = random.size(1, 150) * (fixedPoint ? 2 : 1);
  job.patchStride = job.k + random.size(0, 5);
  job.outputs = random.size(1, 50);
  job.outStride = job.outputs + random.size(0, 5);
  const size_t width = (job.outputs + kPatchOutputs - 1) / kPatchOutputs * kPatchOutputs;
  const auto patches =
      numbers<P>(random, (job.patchCount - 1) * job.patchStride + job.k, -32768, 32767);
  const auto weights = numbers<W>(random, job.k * width, -32768, 32767);
  job.patches = patches.data();
  job.weights = weights.data();
  auto expected =
      numbers<N>(random, (job.patchCount - 1) * job.outStride + job.outputs, kLow32, kHigh32);
  auto out = expected;
  job.out = expected.data();
  (round.scalar.*kernel)(job);
  job.out = out.data();
  (round.kernels.*kernel)(job);
  round.equal("out", expected, out);
}

}  // namespace

void patch(Round& round) {
  switch (round.random.size(0, 2)) {
    case 0:
      return multiply<int8_t>(round, &Kernels::patchInt8);
    case 1:
      return multiply<int16_t>(round, &Kernels::patchInt16);
    default:
      return multiply<float>(round, &Kernels::patchFloat32);
  }
}

}  // namespace casc::test
