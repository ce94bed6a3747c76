/** How many iterations of reconstruction fit a time: chosen beforehand, so that the number alone decides the result. */
import { argumentError } from '../errors';
import type { Network } from '../graph/network';
import { numel } from '../graph/network';
import { abortable, addon } from '../native';
import { openPlan } from './calibrate';
import { TRAINING_BATCH } from './reconstruct';

/** What an image costs in training: forward, back to the inputs, back to the weights, and what lies between. */
const PASSES = 5;
/** Images are trained on twice in an iteration: in blocks, and in the whole net. */
const ROUNDS = 2;

/**
 * Times the float32 net on blank images and returns how many iterations `reconstruct` does in about so many seconds.
 * Throws ERR_CASC_ARGUMENT where not one would fit.
 */
export async function iterationsWithin(
  network: Network,
  seconds: number,
  options: { threads?: number; signal?: AbortSignal } = {},
): Promise<number> {
  if (!(seconds > 0 && Number.isFinite(seconds))) throw argumentError('seconds', 'a positive number', seconds);
  const threads = options.threads ?? addon().info().threads;
  const plan = openPlan(network);
  try {
    const images = new Float32Array(TRAINING_BATCH * numel(network.nodes[network.input]!.shape));
    const pass = () => abortable(options.signal, (abort) => plan.run([images], TRAINING_BATCH, { threads, abort }));
    await pass(); // memory is taken, caches are warm
    const start = performance.now();
    await pass();
    const batch = (performance.now() - start) / 1000;
    const iterations = Math.floor(seconds / (ROUNDS * PASSES * batch));
    if (iterations >= 1) return iterations;
    const least = Math.ceil(ROUNDS * PASSES * batch);
    throw argumentError('seconds', `at least ${least}, which one iteration takes`, seconds);
  } finally {
    plan.dispose();
  }
}
