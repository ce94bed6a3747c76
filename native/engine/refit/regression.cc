#include "engine/refit/regression.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "engine/dense/check.h"
#include "engine/refit/cholesky.h"

namespace casc::refit {
namespace {

/** Rows of as many images as fit are held at once. */
constexpr size_t kRowBytes = size_t{64} << 20;

size_t regressorsOf(const dense::Shape& input, const RegressionSpec& spec) {
  return size_t(input.c / spec.groups) * size_t(spec.window.kernel[0]) *
         size_t(spec.window.kernel[1]);
}

}  // namespace

Regression::Regression(std::shared_ptr<const dense::Plan> plan, const RegressionSpec& spec, Isa isa)
    : plan_(std::move(plan)),
      spec_(spec),
      lowering_(spec.window, plan_->shape(spec.source), spec.output),
      taps_(lowering_.taps(plan_->shape(spec.source).c / spec.groups)),
      equations_(size_t(spec.groups), regressorsOf(plan_->shape(spec.source), spec), groupOutputs(),
                 floatKernels(isa)) {
  dense::require(plan_->shape(spec.residual) == spec.output,
                 "the residual has not the shape of the convolution");
  dense::require(plan_->shape(spec.target) == spec.output,
                 "the target has not the shape of the convolution");
  needed_ = plan_->needed({spec.source, spec.residual, spec.target});
}

void Regression::add(const Batch& batch, Team& team, const AbortFlag& abort) {
  const size_t most = Positions::most(spec_.output.plane(), spec_.every);
  const size_t fit = std::max<size_t>(team.size(), kRowBytes / equations_.rowBytes(most));
  const size_t round = std::min(batch.images, fit);
  if (rows_.size() < round) rows_.resize(round);
  images_.resize(rows_.size());
  workspaces_.resize(std::max<size_t>(workspaces_.size(), team.size()));
  scratch_.resize(workspaces_.size());
  for (size_t start = 0; start < batch.images; start += round) {
    const size_t count = std::min(round, batch.images - start);
    team.share(count, [&](unsigned worker, size_t slot) {
      gather(worker, batch, start + slot, slot, abort);
    });
    team.share(equations_.pieces(), [&](unsigned, size_t piece) {
      throwIfAborted(abort);
      equations_.add(piece, rows_, count);
    });
    for (size_t slot = 0; slot < count; ++slot) {
      residual_ += images_[slot].residual;
      target_ += images_[slot].target;
    }
  }
}

void Regression::gather(unsigned worker, const Batch& batch, size_t image, size_t slot,
                        const AbortFlag& abort) {
  if (!workspaces_[worker]) workspaces_[worker] = std::make_unique<dense::Workspace>(*plan_);
  const auto inputs = inputsOf(batch, image, *plan_);
  const size_t plane = spec_.output.plane();
  const Positions positions(plane, spec_.every, batch.first + image);
  NormalEquations::Rows& rows = rows_[slot];
  rows.reset(equations_, positions.count());
  images_[slot] = {};
  plan_->run(inputs, needed_, *workspaces_[worker], abort, [&](size_t node, const float* value) {
    if (node == spec_.source) gatherSource(value, worker, positions, rows);
    if (node != spec_.residual && node != spec_.target) return;
    double squares = 0;
    for (size_t m = 0; m < size_t(spec_.output.c); ++m) {
      const float* channel = value + m * plane;
      const size_t group = m / groupOutputs();
      const size_t column = equations_.unknowns() + m % groupOutputs();
      for (size_t i = 0; i < positions.count(); ++i) {
        const float v = channel[positions[i]];
        if (node == spec_.residual) rows.set(group, column, i, v);
        squares += double(v) * v;
      }
    }
    if (node == spec_.residual) images_[slot].residual = squares;
    if (node == spec_.target) images_[slot].target = squares;
  });
}

void Regression::gatherSource(const float* value, unsigned worker, const Positions& positions,
                              NormalEquations::Rows& rows) {
  std::vector<float>& scratch = scratch_[worker];
  if (scratch.size() < lowering_.scratchFloats()) scratch.resize(lowering_.scratchFloats());
  const float* lowered = lowering_.lower(value, scratch.data());
  const size_t groupPlane =
      lowering_.planeStride() * size_t(plan_->shape(spec_.source).c / spec_.groups);
  const auto width = size_t(spec_.output.w);
  for (size_t i = 0; i < positions.count(); ++i) {
    const size_t at = positions[i];
    const float* from = lowered + lowering_.rowOffset(int(at / width)) + at % width;
    for (size_t g = 0; g < size_t(spec_.groups); ++g, from += groupPlane) {
      for (size_t k = 0; k < taps_.size(); ++k) rows.set(g, k, i, from[taps_[k]]);
    }
  }
}

Correction Regression::solve(double ridge, Team& team) const {
  if (!std::isfinite(residual_) || !std::isfinite(target_))
    throw Error("ERR_CASC_CALIBRATION", "became NaN or infinite on the calibration data");
  Correction correction;
  correction.weight.resize(size_t(spec_.output.c) * taps_.size());
  correction.bias.resize(size_t(spec_.output.c));
  std::vector<double> explained(size_t(spec_.groups));
  team.share(size_t(spec_.groups), [&](unsigned, size_t group) {
    solveGroup(group, ridge, correction, explained[group]);
  });
  correction.before = residual_;
  correction.target = target_;
  correction.after = residual_;
  for (double part : explained) correction.after -= part;
  return correction;
}

/** What the ridge adds to the diagonal, but for the constant. */
double Regression::penalty(size_t group, double ridge) const {
  const size_t regressors = equations_.unknowns() - 1, stride = equations_.stride();
  const double* sums = equations_.sums(group);
  double trace = 0;
  for (size_t k = 0; k < regressors; ++k) trace += sums[k * stride + k];
  if (!std::isfinite(trace))
    throw Error("ERR_CASC_CALIBRATION", "reads NaN or infinite values on the calibration data");
  return ridge * trace / double(regressors);
}

/** U of the normal equations UᵀU with the unknowns in this order. */
std::vector<double> Regression::factorOf(size_t group, double ridge,
                                         const std::vector<size_t>& order) const {
  const size_t n = equations_.unknowns(), stride = equations_.stride();
  const double* sums = equations_.sums(group);
  const double added = penalty(group, ridge);
  std::vector<double> factor(n * n);
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = i; j < n; ++j) {
      const auto [low, high] = std::minmax(order[i], order[j]);
      factor[i * n + j] = sums[low * stride + high];
    }
    if (order[i] + 1 < n) factor[i * n + i] += added;
  }
  cholesky(factor.data(), n, n);
  return factor;
}

void Regression::solveGroup(size_t group, double ridge, Correction& correction,
                            double& explained) const {
  const size_t n = equations_.unknowns(), stride = equations_.stride();
  const size_t outputs = groupOutputs();
  const double* sums = equations_.sums(group);
  const double added = penalty(group, ridge);
  std::vector<double> right(n * outputs);
  for (size_t k = 0; k < n; ++k)
    std::copy_n(sums + k * stride + n, outputs, right.begin() + std::ptrdiff_t(k * outputs));
  std::vector<size_t> order(n);
  std::iota(order.begin(), order.end(), size_t{0});
  const std::vector<double> factor = factorOf(group, ridge, order);
  std::vector<double> solution(right);
  choleskySolve(factor.data(), n, n, solution.data(), outputs);
  // With (XᵀX + P)d = XᵀE, what is left of E² is E² − d·XᵀE − d·P·d.
  for (size_t i = 0; i < right.size(); ++i) {
    const bool constant = i / outputs + 1 == n;
    explained += solution[i] * (right[i] + (constant ? 0 : added * solution[i]));
    const size_t m = group * outputs + i % outputs;
    (constant ? correction.bias[m] : correction.weight[m * (n - 1) + i / outputs]) =
        float(solution[i]);
  }
}

/** Of each weight of an output channel of the group. */
std::vector<double> Regression::unitsOf(size_t group, const WeightGrid& grid) const {
  const size_t inputs = size_t(plan_->shape(spec_.source).c / spec_.groups);
  const size_t taps = taps_.size() / inputs;
  std::vector<double> result;
  for (size_t k = 0; k < taps_.size(); ++k)
    result.push_back(grid.units[grid.units.size() == 1 ? 0 : group * inputs + k / taps]);
  return result;
}

/**
 * Rounded from last to first: the bias, whose steps are coarse, then what matters most. The earlier
 * an unknown's turn, the more others are free to make up for it.
 */
std::vector<size_t> Regression::roundingOrder(size_t group) const {
  const size_t stride = equations_.stride();
  const double* sums = equations_.sums(group);
  std::vector<size_t> order(equations_.unknowns());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end() - 1,
                   [&](size_t i, size_t j) { return sums[i * stride + i] < sums[j * stride + j]; });
  return order;
}

void Regression::round(const WeightGrid& grid, double ridge, std::vector<float>& weight,
                       std::vector<float>& bias, Team& team) const {
  const auto channels = size_t(spec_.output.c);
  const size_t n = equations_.unknowns(), outputs = groupOutputs();
  const auto inputs = size_t(plan_->shape(spec_.source).c);
  dense::require(weight.size() == channels * (n - 1) && bias.size() == channels,
                 "weight and bias have not the length of the convolution's");
  dense::require(grid.step.size() == channels && grid.largest.size() == channels &&
                     (grid.units.size() == 1 || grid.units.size() == inputs),
                 "the grid has not the length of the convolution's channels");
  for (const double largest : grid.largest)
    dense::require(largest >= 0 && std::isfinite(largest),
                   "a largest weight is negative or not finite");
  for (const double step : grid.step)
    dense::require(step >= 0 && std::isfinite(step), "a step is negative or not finite");
  for (const double unit : grid.units)
    dense::require(unit > 0 && std::isfinite(unit), "units must be positive");
  for (size_t group = 0; group < size_t(spec_.groups); ++group) {
    const std::vector<size_t> order = roundingOrder(group);
    const std::vector<double> factor = factorOf(group, ridge, order);
    const std::vector<double> unit = unitsOf(group, grid);
    team.share(outputs, [&](unsigned, size_t m) {
      const size_t c = group * outputs + m;
      std::vector<double> values(weight.begin() + std::ptrdiff_t(c * (n - 1)),
                                 weight.begin() + std::ptrdiff_t((c + 1) * (n - 1)));
      values.push_back(bias[c]);
      roundRow(
          factor, order,
          {grid.step[c], grid.largest[c], grid.most, grid.step[c] * grid.biasSteps, unit.data()},
          values.data());
      for (size_t k = 0; k + 1 < n; ++k) weight[c * (n - 1) + k] = float(values[k]);
      bias[c] = float(values[n - 1]);
    });
  }
}

}  // namespace casc::refit
