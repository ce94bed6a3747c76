// The ways to compute the current of a layer's terms.
#pragma once

#include <cstddef>
#include <cstdint>

namespace casc::spiking {

/** How a term's current of a step is computed; of a layer with several terms, the last in this
 * order. Skip: nothing reaches it. */
enum class Path : uint8_t { Skip, Scatter, Rows, Dense };
constexpr size_t kPaths = 4;

}  // namespace casc::spiking
