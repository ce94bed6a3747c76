// From the number of vectors of a job, known at run time, to a kernel that was compiled for it.
#pragma once

#include <utility>

#include "kernels/rows/rows.h"

namespace casc {

template <class Kernel, bool Wide, size_t... Vectors>
void addByVectors(const RowJob& job, std::index_sequence<Vectors...>) {
  static constexpr void (*kAdd[])(const RowJob&) = {&Kernel::template add<Vectors + 1, Wide>...};
  kAdd[job.vectors - 1](job);
}

/** Kernel::add<vectors, wide>(job), for 1 to kRowVectors vectors. */
template <class Kernel>
void addByVectors(const RowJob& job) {
  using All = std::make_index_sequence<kRowVectors>;
  return job.sums ? addByVectors<Kernel, false>(job, All())
                  : addByVectors<Kernel, true>(job, All());
}

}  // namespace casc
