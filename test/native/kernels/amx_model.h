// A model of AMX for CPUs without it: executes the tile instructions of this process as Intel's
// manual defines them, so that a kernel's machine code is checked as it is, operands and all.
#pragma once

namespace casc::test {

/** Can the model stand in on this CPU: Linux, x86-64, AVX-512 for the rest of the kernel? */
bool amxModelFits();

/** From now on tile instructions are carried out by the model. What the CPU would fault, ends the
 * program with a message. */
void installAmxModel();

/** Are the tiles released, as a kernel must leave them? How many instructions were there so far? */
struct AmxModelState {
  bool released;
  unsigned long instructions;
};
AmxModelState amxModelState();

}  // namespace casc::test
