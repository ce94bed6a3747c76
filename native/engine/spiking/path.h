// The ways to compute the current of a layer's terms.
#pragma once

#include <cstddef>
#include <cstdint>

namespace casc::spiking {

/** How a term's current of a step is computed; of a layer with several terms, the last in this
 * order. Skip: nothing reaches it. Neurons: where the neurons run, a shortcut only. */
enum class Path : uint8_t { Skip, Neurons, Scatter, Rows, Dense };
constexpr size_t kPaths = 5;

}  // namespace casc::spiking
