#include "engine/refit/least_squares.h"

#include <cmath>
#include <numeric>

#include "engine/error.h"
#include "engine/refit/cholesky.h"

namespace casc::refit {

double penaltyOf(const SumsView& sums, double ridge) {
  const size_t regressors = sums.unknowns - 1;
  double trace = 0;
  for (size_t k = 0; k < regressors; ++k) trace += sums.product(k, k);
  if (!std::isfinite(trace))
    throw Error("ERR_CASC_CALIBRATION", "reads NaN or infinite values on the calibration data");
  return ridge * trace / double(regressors);
}

std::vector<double> factorOf(const SumsView& sums, double penalty,
                             const std::vector<size_t>& order) {
  const size_t n = sums.unknowns;
  std::vector<double> factor(n * n);
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = i; j < n; ++j) factor[i * n + j] = sums.product(order[i], order[j]);
    if (order[i] + 1 < n) factor[i * n + i] += penalty;
  }
  cholesky(factor.data(), n, n);
  return factor;
}

std::vector<double> ridgeSolution(const SumsView& sums, double penalty) {
  const size_t n = sums.unknowns, outputs = sums.outputs;
  std::vector<size_t> order(n);
  std::iota(order.begin(), order.end(), size_t{0});
  const std::vector<double> factor = factorOf(sums, penalty, order);
  std::vector<double> solution(n * outputs);
  for (size_t i = 0; i < n; ++i) {
    for (size_t m = 0; m < outputs; ++m) solution[i * outputs + m] = sums.output(i, m);
  }
  choleskySolve(factor.data(), n, n, solution.data(), outputs);
  return solution;
}

double errorChange(const SumsView& sums, const std::vector<double>& solution) {
  const size_t n = sums.unknowns, outputs = sums.outputs;
  double change = 0;
  std::vector<double> product(
      outputs);  // of a row of XᵀX with D, what lies beyond the diagonal twice
  for (size_t i = 0; i < n; ++i) {
    std::fill(product.begin(), product.end(), 0.0);
    for (size_t j = i; j < n; ++j) {
      const double sum = (i == j ? 1 : 2) * sums.product(i, j);
      const double* row = solution.data() + j * outputs;
      for (size_t m = 0; m < outputs; ++m) product[m] += sum * row[m];
    }
    for (size_t m = 0; m < outputs; ++m)
      change += solution[i * outputs + m] * (product[m] - 2 * sums.output(i, m));
  }
  return change;
}

}  // namespace casc::refit
