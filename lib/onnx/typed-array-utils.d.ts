/** The package ships declarations that its own "exports" hides; this is what we use of it. */
declare module 'typed-array-utils' {
  /** A view of exactly the bytes that an ArrayBuffer or a view of one covers. */
  export function bufferSourceToDataView(source: ArrayBuffer | ArrayBufferView): DataView;
}
