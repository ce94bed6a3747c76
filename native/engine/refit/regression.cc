#include "engine/refit/regression.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>
#include <utility>

#include "engine/dense/check.h"
#include "engine/error.h"

namespace casc::refit {
namespace {

/** Rows of as many images as fit are held at once. */
constexpr size_t kRowBytes = size_t{64} << 20;

/** From weak to strong. */
constexpr double kRidges[] = {0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10};
constexpr size_t kUsualRidge = 4;

NormalEquations emptySums(const dense::Shape& input, const RegressionSpec& spec, Isa isa) {
  const size_t regressors =
      size_t(input.c / spec.groups) * size_t(spec.window.kernel[0]) * size_t(spec.window.kernel[1]);
  return {size_t(spec.groups), regressors, size_t(spec.output.c / spec.groups), floatKernels(isa)};
}

std::vector<uint8_t> neededOf(const dense::Plan& plan, const RegressionSpec& spec) {
  dense::require(plan.shape(spec.residual) == spec.output,
                 "the residual has not the shape of the convolution");
  dense::require(plan.shape(spec.target) == spec.output,
                 "the target has not the shape of the convolution");
  return plan.needed({spec.source, spec.residual, spec.target});
}

}  // namespace

Regression::Regression(std::shared_ptr<const dense::Plan> plan, const RegressionSpec& spec, Isa isa)
    : plan_(std::move(plan)),
      spec_(spec),
      lowering_(spec.window, plan_->shape(spec.source), spec.output),
      taps_(lowering_.taps(plan_->shape(spec.source).c / spec.groups)),
      halves_{emptySums(plan_->shape(spec.source), spec, isa),
              emptySums(plan_->shape(spec.source), spec, isa)},
      needed_(neededOf(*plan_, spec)) {}

void Regression::restart(std::shared_ptr<const dense::Plan> plan, const RegressionSpec& spec) {
  dense::require(spec.output == spec_.output && spec.groups == spec_.groups &&
                     spec.window == spec_.window && spec.every == spec_.every &&
                     plan->shape(spec.source) == plan_->shape(spec_.source),
                 "another convolution than before");
  needed_ = neededOf(*plan, spec);
  plan_ = std::move(plan);
  spec_ = spec;
  workspaces_.clear();
  for (NormalEquations& half : halves_) half.restartOutputs();
  residual_ = target_ = 0;
}

void Regression::add(const Batch& batch, Team& team, const AbortFlag& abort) {
  const size_t most = Positions::most(spec_.output.plane(), spec_.every);
  const size_t fit = std::max<size_t>(team.size(), kRowBytes / halves_[0].rowBytes(most));
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
    const size_t pieces = halves_[0].pieces();
    team.share(2 * pieces, [&](unsigned, size_t part) {
      throwIfAborted(abort);
      const size_t half = part / pieces;
      halves_[half].add(part % pieces, rows_, (batch.first + start + half) % 2, 2, count);
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
  rows.reset(halves_[0], positions.count());
  images_[slot] = {};
  plan_->run(inputs, needed_, *workspaces_[worker], abort, [&](size_t node, const float* value) {
    if (node == spec_.source) gatherSource(value, worker, positions, rows);
    if (node != spec_.residual && node != spec_.target) return;
    double squares = 0;
    for (size_t m = 0; m < size_t(spec_.output.c); ++m) {
      const float* channel = value + m * plane;
      const size_t group = m / groupOutputs(), output = m % groupOutputs();
      for (size_t i = 0; i < positions.count(); ++i) {
        const float v = channel[positions[i]];
        if (node == spec_.residual) rows.setOutput(group, output, i, v);
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
      for (size_t k = 0; k < taps_.size(); ++k) rows.setRegressor(g, k, i, from[taps_[k]]);
    }
  }
}

Correction Regression::solve(std::optional<double> ridge, Team& team) const {
  if (!std::isfinite(residual_) || !std::isfinite(target_))
    throw Error("ERR_CASC_CALIBRATION", "became NaN or infinite on the calibration data");
  Correction correction;
  correction.ridge = ridge ? *ridge : chosenRidge(team);
  correction.weight.resize(size_t(spec_.output.c) * taps_.size());
  correction.bias.resize(size_t(spec_.output.c));
  std::vector<double> explained(size_t(spec_.groups));
  team.share(size_t(spec_.groups), [&](unsigned, size_t group) {
    solveGroup(group, correction.ridge, correction, explained[group]);
  });
  correction.before = residual_;
  correction.target = target_;
  correction.after = residual_;
  for (double part : explained) correction.after -= part;
  return correction;
}

/** Down from the usual one, in the better of the two directions. */
double Regression::chosenRidge(Team& team) const {
  size_t best = kUsualRidge;
  double least = heldOutError(kRidges[best], team);
  for (const int direction : {1, -1}) {
    const size_t start = best;
    for (size_t next = best + size_t(direction); next < std::size(kRidges);
         next += size_t(direction)) {
      const double error = heldOutError(kRidges[next], team);
      if (!(error < least)) break;
      least = error;
      best = next;
    }
    if (best != start) break;
  }
  return kRidges[best];
}

/** Squared error, less that without a correction, of each half's rows with the other's correction.
 */
double Regression::heldOutError(double ridge, Team& team) const {
  std::vector<double> errors(2 * size_t(spec_.groups));
  team.share(errors.size(), [&](unsigned, size_t part) {
    const SumsView seen = halves_[part % 2].sums(part / 2);
    errors[part] = errorChange(halves_[1 - part % 2].sums(part / 2),
                               ridgeSolution(seen, penaltyOf(seen, ridge)));
  });
  return std::accumulate(errors.begin(), errors.end(), 0.0);
}

void Regression::solveGroup(size_t group, double ridge, Correction& correction,
                            double& explained) const {
  const SumsView equations = sums(group);
  const size_t n = equations.unknowns, outputs = equations.outputs;
  const double penalty = penaltyOf(equations, ridge);
  const std::vector<double> solution = ridgeSolution(equations, penalty);
  // With (XᵀX + P)d = XᵀE, what is left of E² is E² − d·XᵀE − d·P·d.
  for (size_t k = 0; k < n; ++k) {
    const bool constant = k + 1 == n;
    for (size_t m = 0; m < outputs; ++m) {
      const double d = solution[k * outputs + m];
      explained += d * (equations.output(k, m) + (constant ? 0 : penalty * d));
      const size_t channel = group * outputs + m;
      (constant ? correction.bias[channel] : correction.weight[channel * (n - 1) + k]) = float(d);
    }
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
  const SumsView equations = sums(group);
  std::vector<size_t> order(equations.unknowns);
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end() - 1, [&](size_t i, size_t j) {
    return equations.product(i, i) < equations.product(j, j);
  });
  return order;
}

void Regression::round(const WeightGrid& grid, double ridge, std::vector<float>& weight,
                       std::vector<float>& bias, Team& team) const {
  const auto channels = size_t(spec_.output.c);
  const size_t n = taps_.size() + 1, outputs = groupOutputs();
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
    const SumsView equations = sums(group);
    const std::vector<double> factor = factorOf(equations, penaltyOf(equations, ridge), order);
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
