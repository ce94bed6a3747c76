// The instruction sets that kernels exist for, found at run time.
#pragma once

#include <string>
#include <vector>

namespace casc {

enum class Isa { Scalar, Avx2, Avx512, Amx, Neon };

const char* isaName(Isa isa);

/** All that this build has kernels for, simplest first. */
std::vector<Isa> builtIsas();

/** Those of builtIsas() that this CPU can run. */
std::vector<Isa> foundIsas();

/** `name` if it is built and found; throws casc::Error (ERR_CASC_ISA) otherwise. */
Isa parseIsa(const std::string& name);

/** CASC_ISA from the environment, else the best one found. Throws casc::Error where CASC_ISA names
 * none. */
Isa chooseIsa();

/** Beside NEON: does this CPU multiply and add four bytes at a time? */
bool hasNeonDot();

}  // namespace casc
