#include "engine/refit/rounding.h"

#include <algorithm>
#include <cmath>

namespace casc::refit {
namespace {

double rounded(double wanted, double original, double unit, const RoundedRow& row) {
  constexpr double kLess = 1 - 1e-6;
  if (!(row.step > 0)) return 0;
  const double step = row.step / unit;
  const bool isTop = row.largest > 0 && std::fabs(original) * unit >= row.largest;
  const double whole = isTop ? std::copysign(row.most, original)
                             : std::clamp(std::nearbyint(wanted / step), -row.most, row.most);
  return whole * step * kLess;
}

double dot(const double* a, const double* b, size_t n) {
  constexpr size_t kLanes = 8;
  double sum[kLanes] = {};
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) sum[lane] += a[i + lane] * b[i + lane];
  }
  for (; i < n; ++i) sum[0] += a[i] * b[i];
  double total = 0;
  for (const double part : sum) total += part;
  return total;
}

}  // namespace

void roundRow(const std::vector<double>& factor, const std::vector<size_t>& order,
              const RoundedRow& row, double* values) {
  const size_t n = order.size();
  std::vector<double> error(n);  // original − rounded, in `order`
  for (size_t k = n; k-- > 0;) {
    const size_t at = order[k];
    const double* u = factor.data() + k * n;
    const double owed = u[k] > 0 ? dot(u + k + 1, error.data() + k + 1, n - k - 1) / u[k] : 0;
    const double original = values[at], wanted = original + owed;
    if (at + 1 == n) {
      values[at] = row.biasStep > 0 ? std::nearbyint(wanted / row.biasStep) * row.biasStep : wanted;
    } else {
      values[at] = rounded(wanted, original, row.unit[at], row);
    }
    error[k] = original - values[at];
  }
}

}  // namespace casc::refit
