// From the number of vectors of a job, known at run time, to a kernel that was compiled for it.
#pragma once

#include <type_traits>
#include <utility>

#include "kernels/rows/rows.h"

namespace casc {

/** Sums of a job: 16 bits each, or 32 where they are wide. */
template <bool Wide>
std::conditional_t<Wide, int32_t, int16_t>* sumsOf(const RowJob& job) {
  if constexpr (Wide) {
    return job.wideSums;
  } else {
    return job.sums;
  }
}

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
