// The specification of the byte loops.
#define CASC_LOOPS_TARGET
#define CASC_LOOPS_TABLE byteKernelsScalar
#include "kernels/bytes/entries.h"
