// Ridge regression from sums: with regressors x (the last one is the constant 1) and outputs e, the
// D with least Σ ‖e − D·x‖² + penalty · Σ D² (the constant's not counted).
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace casc::refit {

/** Sums of products over one set of rows, or over two together. */
struct SumsView {
  const double* first;
  const double* second;  // null: none
  size_t stride;
  size_t unknowns;
  size_t firstOutput;  // column
  size_t outputs;

  /** Σ xᵢxⱼ */
  double product(size_t i, size_t j) const { return at(std::min(i, j), std::max(i, j)); }
  /** Σ xᵢeₘ */
  double output(size_t i, size_t m) const { return at(i, firstOutput + m); }
  SumsView with(const SumsView& other) const {
    SumsView both(*this);
    both.second = other.first;
    return both;
  }

 private:
  double at(size_t row, size_t column) const {
    const size_t i = row * stride + column;
    return second ? first[i] + second[i] : first[i];
  }
};

/** `ridge` times the regressors' mean Σ x². Throws Error (ERR_CASC_CALIBRATION) where that is not
 * finite. */
double penaltyOf(const SumsView& sums, double ridge);

/** U of XᵀX + penalty = UᵀU, with the unknowns in this order. */
std::vector<double> factorOf(const SumsView& sums, double penalty,
                             const std::vector<size_t>& order);

/** D, [unknowns × outputs]. */
std::vector<double> ridgeSolution(const SumsView& sums, double penalty);

/** Σ ‖e − D·x‖² − Σ ‖e‖² over the rows of `sums`. */
double errorChange(const SumsView& sums, const std::vector<double>& solution);

}  // namespace casc::refit
