// Weights of a convolution to multiples of a step, one after the other: what rounding one adds to
// the error, those still free take back as far as they can (Babai's nearest plane on the factor of
// the normal equations; GPTQ does the same).
#pragma once

#include <cstddef>
#include <vector>

namespace casc::refit {

/** How a channel's weights are rounded. */
struct WeightGrid {
  /** δ of each output channel; 0: all its weights are zero. */
  std::vector<double> step;
  /** The |weight · unit| that becomes `most` times δ; 0: none. */
  std::vector<double> largest;
  /** Of each input channel (length 1 or C): a weight is a multiple of δ / unit. */
  std::vector<double> units;
  double most;
  /** A bias is a multiple of δ times this. */
  double biasSteps;
};

/** One output channel. `unit` has one element for each weight; values are rounded in place. */
struct RoundedRow {
  double step;
  double largest;
  double most;
  double biasStep;
  const double* unit;
};

/**
 * `factor`: U of the normal equations UᵀU, n × n in rows, the unknowns in the order `order` (the
 * last is rounded first); unknown n − 1 of `values` is the bias. Whoever rounds the result again
 * finds the same δ: the largest weight becomes `most`, and all are a millionth less, as in
 * roundWeights of engine/reconstruct.
 */
void roundRow(const std::vector<double>& factor, const std::vector<size_t>& order,
              const RoundedRow& row, double* values);

}  // namespace casc::refit
