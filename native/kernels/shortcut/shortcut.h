// The shortcut kernel: spikes of a residual connection, each times its channel's factor.
#pragma once

#include <cstddef>
#include <cstdint>

namespace casc {

/** sums[i] += factors[i] · spikes[i] for i < length, wrapping. */
using AddShortcut = void (*)(const int8_t* spikes, const int32_t* factors, int32_t* sums,
                             size_t length);

void addShortcutScalar(const int8_t* spikes, const int32_t* factors, int32_t* sums, size_t length);
void addShortcutAvx2(const int8_t* spikes, const int32_t* factors, int32_t* sums, size_t length);
void addShortcutAvx512(const int8_t* spikes, const int32_t* factors, int32_t* sums, size_t length);
void addShortcutNeon(const int8_t* spikes, const int32_t* factors, int32_t* sums, size_t length);

}  // namespace casc
