/** The IDX format of MNIST: big-endian header, then unsigned bytes. */
import { stat } from 'node:fs/promises';
import { CascError } from '../errors';
import { ByteReader, isGzip } from './byte-reader';
import { onFile } from './file-error';

/** 0, 0, type 8 (unsigned byte), number of dimensions: three for images, one for labels. */
const imagesMagic = 0x0803;
const labelsMagic = 0x0801;

/** Magic number, count, height, width. */
export const imagesHeaderBytes = 16;

export interface ImagesHeader {
  readonly path: string;
  readonly count: number;
  readonly height: number;
  readonly width: number;
}

/**
 * Reads and checks the header of an images file; where it is not compressed, its size too.
 *
 * @throws CascError ERR_CASC_FILE, ERR_CASC_DATA.
 */
export async function readImagesHeader(path: string): Promise<ImagesHeader> {
  const reader = new ByteReader(path);
  try {
    const header = await reader.read(imagesHeaderBytes);
    checkMagic(path, header, imagesHeaderBytes, imagesMagic);
    const [count, height, width] = [header.readUInt32BE(4), header.readUInt32BE(8), header.readUInt32BE(12)];
    if (height < 1 || width < 1 || height > 65_536 || width > 65_536) {
      throw corrupt(path, `its header says images of ${width}x${height} pixels`);
    }
    if (!isGzip(path)) {
      const { size } = await onFile(path, (file) => stat(file));
      const expected = imagesHeaderBytes + count * height * width;
      if (size !== expected) {
        throw corrupt(
          path,
          `it has ${size} bytes, its header (${count} images of ${width}x${height}) says ${expected}`,
        );
      }
    }
    return { path, count, height, width };
  } finally {
    await reader.close();
  }
}

/**
 * All labels of a labels file that must have as many as `images`.
 *
 * @throws CascError ERR_CASC_FILE, ERR_CASC_DATA.
 */
export async function readLabels(path: string, images: ImagesHeader): Promise<Uint8Array> {
  const reader = new ByteReader(path);
  try {
    const header = await reader.read(8);
    checkMagic(path, header, 8, labelsMagic);
    const count = header.readUInt32BE(4);
    if (count !== images.count) {
      throw corrupt(path, `it has ${count} labels for the ${images.count} images of ${images.path}`);
    }
    const labels = await reader.read(count);
    if (labels.length < count) throw corrupt(path, `it ends after ${labels.length} of ${count} labels`);
    if ((await reader.read(1)).length > 0) throw corrupt(path, `bytes follow its ${count} labels`);
    return labels;
  } finally {
    await reader.close();
  }
}

function checkMagic(path: string, header: Buffer, bytes: number, magic: number): void {
  if (header.length < bytes) throw corrupt(path, `it has ${header.length} bytes, less than its header of ${bytes}`);
  const found = header.readUInt32BE(0);
  if (found === magic) return;
  const hex = (value: number) => `0x${value.toString(16).padStart(8, '0')}`;
  throw corrupt(
    path,
    `it begins with ${hex(found)}, expected ${hex(magic)} (IDX, unsigned bytes, ${magic & 0xff} dimension${magic === imagesMagic ? 's, images' : ', labels'})`,
  );
}

/** The error for a file whose content is wrong. */
export function corrupt(path: string, problem: string): CascError {
  return new CascError('ERR_CASC_DATA', `${path} is not what it should be: ${problem}; fetch the file again`, {
    file: path,
  });
}
