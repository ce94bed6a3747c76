/** Threads that decode, resize and crop images, so that neither the event loop nor the simulation waits for it. */
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { CascError, type ErrorCode, type ErrorPlace } from '../errors';
import type { RawImage } from './raw-image';
import type { InputScaling } from './scaling';

export interface PrepareJob {
  readonly id: string;
  /** An image file, or pixels. */
  readonly from: string | RawImage;
}

export interface PrepareRequest extends PrepareJob {
  readonly ticket: number;
}

export type PrepareReply = { readonly ticket: number } & (
  | { readonly image: RawImage }
  | { readonly error: { code: ErrorCode | null; message: string; where: ErrorPlace } }
);

/** JavaScript, wherever this module was loaded from. */
const SCRIPT = join(__dirname, '../../dist/datasets/prepare-worker.js');

/** Pixels lie outside of the heap, which has little to hold. */
const LIMITS = { maxYoungGenerationSizeMb: 4 };

/** Each holds some ten megabytes; a decoder keeps up with several threads of the simulation. */
const MOST_THREADS = 8;

interface Waiting {
  resolve(image: RawImage): void;
  reject(error: unknown): void;
}

class Thread {
  private readonly worker: Worker;
  private readonly waiting = new Map<number, Waiting>();
  private tickets = 0;

  constructor(scaling: InputScaling) {
    this.worker = new Worker(SCRIPT, { workerData: scaling, resourceLimits: LIMITS });
    this.worker.on('message', (reply: PrepareReply) => this.settle(reply));
    this.worker.on('error', (error) => this.fail(error));
    this.worker.on('exit', (code) =>
      this.fail(new Error(`a thread that prepares images ended with exit code ${code}`)),
    );
  }

  get load(): number {
    return this.waiting.size;
  }

  prepare(job: PrepareJob): Promise<RawImage> {
    const ticket = this.tickets++;
    return new Promise((resolve, reject) => {
      this.waiting.set(ticket, { resolve, reject });
      this.worker.ref();
      this.worker.postMessage({ ...job, ticket } satisfies PrepareRequest);
    });
  }

  async end(): Promise<void> {
    await this.worker.terminate();
  }

  private settle(reply: PrepareReply): void {
    const { resolve, reject } = this.waiting.get(reply.ticket)!;
    this.waiting.delete(reply.ticket);
    if (this.waiting.size === 0) this.worker.unref();
    if ('image' in reply) {
      resolve(reply.image);
    } else {
      const { code, message, where } = reply.error;
      reject(code === null ? new Error(message) : new CascError(code, message, where));
    }
  }

  private fail(error: unknown): void {
    for (const { reject } of this.waiting.values()) reject(error);
    this.waiting.clear();
  }
}

/** Starts threads as they are needed. Idle ones do not keep the process alive. */
export class PreparePool {
  private readonly threads: Thread[] = [];
  private readonly most: number;

  /** concurrency: images that the caller hands in at a time. */
  constructor(
    concurrency: number,
    private readonly scaling: InputScaling,
  ) {
    this.most = Math.min(concurrency, MOST_THREADS);
  }

  /** Rejects with the errors of decodeImage and prepare. */
  prepare(job: PrepareJob): Promise<RawImage> {
    let idlest = this.threads.reduce((a: Thread | undefined, b) => (a && a.load <= b.load ? a : b), undefined);
    if (!idlest || (idlest.load > 0 && this.threads.length < this.most)) {
      idlest = new Thread(this.scaling);
      this.threads.push(idlest);
    }
    return idlest.prepare(job);
  }

  async close(): Promise<void> {
    await Promise.all(this.threads.splice(0).map((thread) => thread.end()));
  }
}
