#include "check.h"

namespace casc::test {

void windows(Round& round) {
  Random& random = round.random;
  // Half of the jobs are large enough for whole tiles of every kind.
  const bool large = random.chance(50);
  WindowJob job;
  job.windowCount = random.size(1, large ? kWindows : 12);
  job.steps = random.size(1, large ? 4 : 17);
  job.pieceCount = random.size(1, 9);
  job.pieceBytes = kWindowQuad * random.size(1, random.chance(15) ? 120 : large ? 16 : 40);
  job.outputs = random.size(1, large ? 40 : 90);
  job.most = static_cast<int32_t>(random.chance(40) ? 2 : random.between(0, kMostWindowValue));
  job.add = random.chance(50);
  job.outStride = job.outputs + random.size(0, 3);
  job.outStepStride = job.windowCount * job.outStride + random.size(0, 5);

  Buffer<uint32_t> pieces(job.pieceCount);
  for (uint32_t& piece : pieces) piece = static_cast<uint32_t>(random.size(0, 300));
  const size_t windowBytes = 300 + job.pieceBytes, apart = random.size(0, 50);
  job.stepBytes = windowBytes + apart * job.windowCount + random.size(0, 9);
  const auto values = integers<uint8_t>(random, job.stepBytes * job.steps, 0, job.most);
  Buffer<const uint8_t*> windows(job.windowCount);
  for (size_t i = 0; i < job.windowCount; ++i) windows[i] = values.data() + i * apart;
  const size_t width = (job.outputs + kWindowOutputs - 1) / kWindowOutputs * kWindowOutputs;
  const auto weights = integers<int8_t>(random, width * job.pieceCount * job.pieceBytes, -128, 127);
  const auto start = integers<int32_t>(random, width, -kSum, kSum);
  job.windows = windows.data();
  job.pieces = pieces.data();
  job.weights = weights.data();
  job.start = start.data();

  const size_t outs =
      (job.steps - 1) * job.outStepStride + (job.windowCount - 1) * job.outStride + job.outputs;
  auto expected = integers<int32_t>(random, outs, -kSum, kSum);
  auto out = expected;
  job.out = expected.data();
  round.scalar.windowProduct(job);
  job.out = out.data();
  round.kernels.windowProduct(job);
  round.equal("out", expected, out);
}

}  // namespace casc::test
