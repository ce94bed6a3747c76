#include "kernels/target.h"

#if CASC_HAS_AVX2
#define CASC_LOOPS_TARGET CASC_AVX2
#define CASC_LOOPS_TABLE byteKernelsAvx2
#include "kernels/bytes/entries.h"
#endif
