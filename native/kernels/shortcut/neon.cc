// The shortcut for NEON, eight at a time.
#include "kernels/shortcut/shortcut.h"
#include "kernels/target.h"

#if CASC_HAS_NEON
#include <arm_neon.h>

namespace casc {

void addShortcutNeon(const int8_t* spikes, const int32_t* factors, int32_t* sums, size_t length) {
  size_t i = 0;
  for (; i + 8 <= length; i += 8) {
    const int8x8_t s = vld1_s8(spikes + i);
    if (vget_lane_u64(vreinterpret_u64_s8(s), 0) == 0) continue;
    const int16x8_t wide = vmovl_s8(s);
    int32_t* to = sums + i;
    vst1q_s32(to, vmlaq_s32(vld1q_s32(to), vld1q_s32(factors + i), vmovl_s16(vget_low_s16(wide))));
    vst1q_s32(to + 4,
              vmlaq_s32(vld1q_s32(to + 4), vld1q_s32(factors + i + 4), vmovl_high_s16(wide)));
  }
  addShortcutScalar(spikes + i, factors + i, sums + i, length - i);
}

}  // namespace casc
#endif
