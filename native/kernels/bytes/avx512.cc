#include "kernels/target.h"

#if CASC_HAS_AVX512
#define CASC_LOOPS_TARGET CASC_AVX512
#define CASC_LOOPS_TABLE byteKernelsAvx512
#include "kernels/bytes/entries.h"
#endif
