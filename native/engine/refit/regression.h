// The least-squares correction of a convolution's weights and bias: images stream through a dense
// plan, the normal equations are kept, then solved.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "engine/abort.h"
#include "engine/dense/lowering.h"
#include "engine/dense/plan.h"
#include "engine/refit/batch.h"
#include "engine/refit/normal_equations.h"
#include "engine/refit/positions.h"
#include "engine/refit/rounding.h"
#include "engine/team.h"

namespace casc::refit {

struct RegressionSpec {
  size_t source;    // the node that the convolution reads
  size_t residual;  // what its correction is to explain, of the convolution's shape
  size_t target;    // what the residual is small against
  dense::Window window;
  int groups;
  dense::Shape output;  // of the convolution
  size_t every;         // positions that count: every so-many-th
};

struct Correction {
  std::vector<float> weight;  // [M, C/groups, kh, kw], to be added
  std::vector<float> bias;    // [M], to be added
  double ridge = 0;           // that it was found with
  double before = 0;          // Σ residual²
  double after = 0;           // the same with the correction
  double target = 0;          // Σ target²
};

class Regression {
 public:
  /** Throws Error (ERR_CASC_ARGUMENT) where the nodes' shapes do not fit each other. */
  Regression(std::shared_ptr<const dense::Plan> plan, const RegressionSpec& spec, Isa isa);

  void add(const Batch& batch, Team& team, const AbortFlag& abort);

  /**
   * Begins anew with other residuals, and a plan that gives the same values at the source: sums of
   * what the convolution reads are kept. Everything in `spec` but nodes must be as it was. Throws
   * Error (ERR_CASC_ARGUMENT), and nothing has changed then.
   */
  void restart(std::shared_ptr<const dense::Plan> plan, const RegressionSpec& spec);

  /**
   * Minimises Σ(residual − ΔW·x − Δb)² + ridge · mean(Σx²) · Σ ΔW². Without `ridge` takes the one
   * with which each half of the images, those of even numbers and those of odd ones, explains the
   * other's residuals best. Throws Error (ERR_CASC_CALIBRATION) where sums are not finite.
   */
  Correction solve(std::optional<double> ridge, Team& team) const;

  /** Rounds the convolution's weights [M, C/groups, kh, kw] and biases [M] in place, so that what
   * solve() minimises grows little. Throws Error: ERR_CASC_ARGUMENT for wrong lengths and for steps
   * and units that are none, ERR_CASC_CALIBRATION where sums are not finite. */
  void round(const WeightGrid& grid, double ridge, std::vector<float>& weight,
             std::vector<float>& bias, Team& team) const;

 private:
  struct Image {
    double residual = 0;
    double target = 0;
  };

  void gather(unsigned worker, const Batch& batch, size_t image, size_t slot,
              const AbortFlag& abort);
  void gatherSource(const float* value, unsigned worker, const Positions& positions,
                    NormalEquations::Rows& rows);
  SumsView sums(size_t group) const { return halves_[0].sums(group).with(halves_[1].sums(group)); }
  double chosenRidge(Team& team) const;
  double heldOutError(double ridge, Team& team) const;
  std::vector<size_t> roundingOrder(size_t group) const;
  std::vector<double> unitsOf(size_t group, const WeightGrid& grid) const;
  void solveGroup(size_t group, double ridge, Correction& correction, double& explained) const;

  size_t groupOutputs() const { return size_t(spec_.output.c / spec_.groups); }

  std::shared_ptr<const dense::Plan> plan_;
  RegressionSpec spec_;
  dense::Lowering lowering_;
  std::vector<int32_t> taps_;
  std::array<NormalEquations, 2> halves_;  // of images of even and of odd numbers
  std::vector<uint8_t> needed_;
  std::vector<std::unique_ptr<dense::Workspace>> workspaces_;  // one per worker
  std::vector<std::vector<float>> scratch_;                    // one per worker
  std::vector<NormalEquations::Rows> rows_;                    // one per image of a round
  std::vector<Image> images_;
  double residual_ = 0;
  double target_ = 0;
};

}  // namespace casc::refit
