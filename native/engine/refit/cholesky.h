// Cholesky factor of a symmetric matrix in double, and solutions with it.
#pragma once

#include <cstddef>

namespace casc::refit {

/**
 * Factors a symmetric positive semidefinite matrix A = UᵀU in place; only the upper triangle of `a`
 * ([n × n] in rows, `stride` apart) is read and written. An unknown that the ones before it
 * determine gets a pivot of 0, and the solution 0.
 */
void cholesky(double* a, size_t n, size_t stride);

/** Solves UᵀU·X = B in place: b is [n × columns] in rows. */
void choleskySolve(const double* u, size_t n, size_t stride, double* b, size_t columns);

}  // namespace casc::refit
