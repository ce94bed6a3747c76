/** Where an image comes to lie in the network's input, and the way back. */
import type { InputScaling } from './scaling';

export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface ImageGeometry {
  /** The image as its file has it. */
  readonly image: Size;
  /** The network's input. */
  readonly input: Size;
  /** The whole image after resizing. */
  readonly resized: Size;
  /** Upper left corner of the resized image in the input: 0 or more where it is padded, 0 or less where it is cropped. */
  readonly left: number;
  readonly top: number;
}

/**
 * The geometry of an image under any resize rule and crop.
 *
 * @example
 * const { input, left } = imageGeometry({ width: 640, height: 480 }, parseInputScaling({ resize: { rule: 'letterbox', size: 416 } }));
 * // input 416x416, the image 416x312 in it, left 0, top 52
 */
export function imageGeometry(image: Size, { resize, crop }: InputScaling): ImageGeometry {
  const resized = resizedOf(image, resize);
  const input = resize.rule === 'letterbox' ? sidesOf(resize.size) : (crop ?? resized);
  return {
    image: { width: image.width, height: image.height },
    input: { width: input.width, height: input.height },
    resized,
    left: offset(input.width - resized.width),
    top: offset(input.height - resized.height),
  };
}

/** A position in the network's input as one in the image; pixel (0, 0) covers 0 to 1 on both axes. */
export function toImage({ image, resized, left, top }: ImageGeometry, x: number, y: number): [x: number, y: number] {
  return [((x - left) * image.width) / resized.width, ((y - top) * image.height) / resized.height];
}

/** Half the room, rounded down: the odd pixel is padded, or cropped, at the right and at the bottom. */
function offset(room: number): number {
  return Math.sign(room) * Math.floor(Math.abs(room) / 2);
}

function resizedOf(image: Size, resize: InputScaling['resize']): Size {
  switch (resize.rule) {
    case 'none':
      return { width: image.width, height: image.height };
    case 'short-side': {
      const short = Math.min(image.width, image.height);
      return {
        width: Math.floor((resize.size * image.width) / short),
        height: Math.floor((resize.size * image.height) / short),
      };
    }
    case 'stretch':
      return sidesOf(resize.size);
    case 'letterbox': {
      const { width, height } = sidesOf(resize.size);
      // The side that fills the input is set, not computed: no rounding can make it one pixel less.
      if (width * image.height <= height * image.width) {
        return { width, height: Math.max(1, Math.round((image.height * width) / image.width)) };
      }
      return { width: Math.max(1, Math.round((image.width * height) / image.height)), height };
    }
  }
}

function sidesOf(size: number | readonly [height: number, width: number]): Size {
  return typeof size === 'number' ? { width: size, height: size } : { width: size[1], height: size[0] };
}
