/** A thread of PreparePool. */
import { parentPort, workerData } from 'node:worker_threads';
import { CascError, messageOf } from '../errors';
import { decodeImage } from './decode';
import { prepare } from './prepare';
import type { PrepareReply, PrepareRequest } from './prepare-pool';
import type { InputScaling } from './scaling';

const scaling = workerData as InputScaling;

async function reply({ ticket, id, from }: PrepareRequest): Promise<PrepareReply> {
  try {
    const { data, ...image } = prepare(typeof from === 'string' ? await decodeImage(from, id) : from, scaling, id);
    // Its own bytes and no more, so that they can be handed over instead of copied.
    return { ticket, image: { ...image, data: new Uint8Array(data) } };
  } catch (error) {
    const { code, where } = error instanceof CascError ? error : { code: null, where: { image: id } };
    return { ticket, error: { code, message: messageOf(error), where } };
  }
}

parentPort!.on('message', async (request: PrepareRequest) => {
  const answer = await reply(request);
  parentPort!.postMessage(answer, 'image' in answer ? [answer.image.data.buffer as ArrayBuffer] : []);
});
