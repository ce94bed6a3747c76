/** Encoded image files to RGB pixels. */
import { readFile } from 'node:fs/promises';
import sharp from 'sharp';
import { CascError, messageOf } from '../errors';
import { fileError } from './file-error';
import type { RawImage } from './raw-image';

/** Extensions of the files that count as images in a folder. */
const extensions = /\.(jpe?g|png|webp)$/i;

export function isImageFile(name: string): boolean {
  return extensions.test(name);
}

/**
 * Decodes an image file to 8-bit RGB at its full size: no shrinking while loading, no EXIF orientation, no ICC profile, as
 * training code has it (`Image.open(f).convert('RGB')`). Gray becomes three equal channels, alpha is dropped, 16 bits
 * become 8, CMYK goes through libvips' CMYK profile, and of an animation the first frame is taken.
 *
 * @throws CascError ERR_CASC_IMAGE where the file is missing, unreadable, truncated or no image. A file that decodes with
 * mere warnings (stray bytes between JPEG markers, as ImageNet has them) is accepted.
 */
export async function decodeImage(file: string, id: string): Promise<RawImage> {
  try {
    const bytes = await readFile(file);
    const { data, info } = await sharp(bytes, { failOn: 'error', ignoreIcc: true })
      .toColourspace('srgb')
      .removeAlpha()
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    if (info.channels !== 3) throw new Error(`${info.channels} channels after conversion to RGB`);
    return { width: info.width, height: info.height, channels: 3, data };
  } catch (error) {
    const known = fileError(file, error);
    const problem =
      known instanceof CascError
        ? known.message
        : `${file} cannot be decoded: ${messageOf(error)}; replace the image or take it out of the data set`;
    throw new CascError('ERR_CASC_IMAGE', problem, { file, image: id }, { cause: error });
  }
}
