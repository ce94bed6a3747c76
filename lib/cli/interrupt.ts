/** Ctrl-C as an AbortSignal: work stops between layers and images. A second Ctrl-C ends the process at once. */
import { setTimeout as turn } from 'node:timers/promises';

export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const stop = () => controller.abort();
  process.once('SIGINT', stop);
  try {
    return await work(controller.signal);
  } finally {
    process.removeListener('SIGINT', stop);
  }
}

/** Throws where Ctrl-C came during work that kept the event loop busy; to be asked before results are written. */
export async function lastChance(signal: AbortSignal): Promise<void> {
  await turn(0);
  signal.throwIfAborted();
}
