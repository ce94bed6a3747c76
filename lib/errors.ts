/**
 * Every error of casc-snn: an `Error` with a stable `code`, a message that says what was wrong, where, what was expected
 * and what to do, and `where` as data for programs.
 */

/** Stable error codes. Scripts may match on them; messages may change. */
export type ErrorCode =
  | 'ERR_CASC_ARGUMENT' // a wrong argument or option
  | 'ERR_CASC_FILE' // a file that is missing, unreadable or unwritable
  | 'ERR_CASC_MODEL' // not an ONNX file, truncated, inconsistent, NaN weights
  | 'ERR_CASC_UNSUPPORTED' // a node that cannot be converted, named
  | 'ERR_CASC_NOT_QUANTIZED' // the job needs a quantised net
  | 'ERR_CASC_OVERFLOW' // integers would not fit int32
  | 'ERR_CASC_SHAPE' // input of the wrong shape
  | 'ERR_CASC_DATA' // a data set that is empty, corrupt or mislabelled
  | 'ERR_CASC_IMAGE' // an image that cannot be decoded
  | 'ERR_CASC_JOURNAL' // a journal that is damaged, incomplete, or of another evaluation
  | 'ERR_CASC_CALIBRATION' // calibration data that cannot serve
  | 'ERR_CASC_ADDON' // the native addon cannot be loaded
  | 'ERR_CASC_ISA' // CASC_ISA names what this build or CPU does not have
  | 'ERR_CASC_DISPOSED' // a call on a disposed object
  | 'ERR_CASC_ABORTED' // stopped by an AbortSignal
  | 'ERR_CASC_OUT_OF_MEMORY'
  | 'ERR_CASC_NATIVE';

/** Where it went wrong; each field is present where it is known. */
export interface ErrorPlace {
  file?: string;
  node?: string;
  opType?: string;
  tensor?: string;
  layer?: string;
  image?: string | number;
  option?: string;
}

/**
 * What every call throws: match on `code`, show `message`, take `where` apart in programs.
 *
 * @example
 * try {
 *   await SpikingNetwork.load('net.onnx');
 * } catch (error) {
 *   if (!(error instanceof CascError && error.code === 'ERR_CASC_NOT_QUANTIZED')) throw error;
 *   console.error(`${error.where.file} first: casc quantize`);
 * }
 */
export class CascError extends Error {
  override readonly name = 'CascError';
  readonly code: ErrorCode;
  readonly where: ErrorPlace;

  constructor(code: ErrorCode, message: string, where: ErrorPlace = {}, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
    this.where = where;
  }
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A wrong argument, in the one shape that all of them have. */
export function argumentError(name: string, expected: string, received: unknown): CascError {
  const shown = typeof received === 'string' ? JSON.stringify(received) : describe(received);
  return new CascError('ERR_CASC_ARGUMENT', `expected ${expected} for ${name} but received ${shown}`, { option: name });
}

function describe(value: unknown): string {
  if (value === null || value === undefined || typeof value === 'boolean') return String(value);
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  if (ArrayBuffer.isView(value)) return `${value.constructor.name} of ${value.byteLength} bytes`;
  return `a value of type ${typeof value}`;
}
