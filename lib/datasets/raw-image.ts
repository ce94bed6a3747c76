/** A decoded image. */

export interface RawImage {
  readonly width: number;
  readonly height: number;
  /** 1: gray; 3: red, green, blue. */
  readonly channels: 1 | 3;
  /** height × width × channels bytes, row by row, channels interleaved. */
  readonly data: Uint8Array;
}
