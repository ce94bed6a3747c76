#include "engine/refit/cholesky.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace casc::refit {
namespace {

/** Of a pivot, what rounding alone could leave. */
constexpr double kSingular = 1e-12;

/** y −= factor · x */
void subtract(double* __restrict y, const double* __restrict x, double factor, size_t n) {
  for (size_t i = 0; i < n; ++i) y[i] -= factor * x[i];
}

void divide(double* row, double by, size_t n) {
  for (size_t i = 0; i < n; ++i) row[i] /= by;
}

}  // namespace

void cholesky(double* a, size_t n, size_t stride) {
  std::vector<double> diagonal(n);
  for (size_t k = 0; k < n; ++k) diagonal[k] = a[k * stride + k];
  for (size_t k = 0; k < n; ++k) {
    double* row = a + k * stride;
    if (!(row[k] > kSingular * diagonal[k])) {
      std::fill(row + k, row + n, 0.0);
      continue;
    }
    divide(row + k, std::sqrt(row[k]), n - k);
    for (size_t i = k + 1; i < n; ++i) subtract(a + i * stride + i, row + i, row[i], n - i);
  }
}

void choleskySolve(const double* u, size_t n, size_t stride, double* b, size_t columns) {
  auto pivot = [&](size_t k) {
    double* row = b + k * columns;
    const double diagonal = u[k * stride + k];
    if (diagonal > 0) {
      divide(row, diagonal, columns);
    } else {
      std::fill_n(row, columns, 0.0);
    }
    return row;
  };
  for (size_t k = 0; k < n; ++k) {  // Uᵀ
    const double* row = pivot(k);
    for (size_t i = k + 1; i < n; ++i) subtract(b + i * columns, row, u[k * stride + i], columns);
  }
  for (size_t k = n; k-- > 0;) {  // U
    const double* row = pivot(k);
    for (size_t i = 0; i < k; ++i) subtract(b + i * columns, row, u[i * stride + k], columns);
  }
}

}  // namespace casc::refit
