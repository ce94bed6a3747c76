/** Loads the addon once and says what was tried when it cannot. */
import { resolve } from 'node:path';
import bindings from 'bindings';
import { CascError, messageOf } from '../errors';
import type { Addon, NativeAbortFlag } from './types';

export type * from './types';

let loaded: Addon | undefined;

/** The native addon. Throws ERR_CASC_ADDON where it is not built for this machine, ERR_CASC_ISA where CASC_ISA is wrong. */
export function addon(): Addon {
  loaded ??= load();
  return loaded;
}

function load(): Addon {
  try {
    return bindings({ bindings: 'casc_snn', module_root: resolve(__dirname, '../..') }) as Addon;
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ERR_CASC_ISA') {
      throw new CascError(
        'ERR_CASC_ISA',
        `${messageOf(error)}; unset CASC_ISA to let casc-snn choose`,
        {},
        { cause: error },
      );
    }
    const tried = (error as { tries?: string[] }).tries;
    throw new CascError(
      'ERR_CASC_ADDON',
      [
        `the native addon casc_snn.node cannot be loaded on ${process.platform}-${process.arch}, Node.js ${process.version}`,
        tried ? `tried: ${tried.join(', ')}` : `the file was found but did not load: ${messageOf(error)}`,
        'build it with `npm rebuild casc-snn` (in a clone: `npm run build:native`); it needs CMake 3.18+ and a C++20 compiler. If your package manager blocks install scripts, allow the one of casc-snn',
      ].join('\n  '),
      {},
      { cause: error },
    );
  }
}

/** Runs a native call that stops when `signal` fires, and gives native errors their class. */
export async function abortable<T>(
  signal: AbortSignal | undefined,
  start: (abort: NativeAbortFlag | undefined) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const flag = signal && new (addon().AbortFlag)();
  const onAbort = () => flag?.abort();
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    return await start(flag);
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ERR_CASC_ABORTED') signal?.throwIfAborted();
    throw toCascError(error);
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}

/** A native error as a CascError; anything else unchanged. */
export function toCascError(error: unknown): unknown {
  const code = (error as { code?: unknown }).code;
  if (error instanceof CascError || typeof code !== 'string' || !code.startsWith('ERR_CASC_')) return error;
  return new CascError(code as CascError['code'], messageOf(error), {}, { cause: error });
}
