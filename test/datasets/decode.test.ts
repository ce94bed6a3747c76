import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { decodeImage } from '../../lib/datasets/decode';
import { caught, noise, temporaryFolder } from './helpers';

const folder = temporaryFolder();
const [width, height] = [40, 24];
const rgb = noise(width * height * 3);
const source = (channels: 1 | 2 | 3 | 4) =>
  sharp(noise(width * height * channels), { raw: { width, height, channels } });

async function decoded(name: string, image: sharp.Sharp) {
  const file = join(folder, name);
  writeFileSync(file, await image.toBuffer());
  return decodeImage(file, name);
}

describe('decodeImage', () => {
  test('lossless files give their pixels', async () => {
    for (const [name, image] of [
      ['a.png', source(3).png()],
      ['a.webp', source(3).webp({ lossless: true })],
    ] as const) {
      const result = await decoded(name, image);
      expect(result).toMatchObject({ width, height, channels: 3 });
      expect(Buffer.compare(result.data, rgb)).toBe(0);
    }
  });

  test('a JPEG is what libjpeg makes of it, at full size', async () => {
    const jpeg = source(3).jpeg({ quality: 90 });
    const expected = await sharp(await jpeg.toBuffer())
      .raw()
      .toBuffer();
    expect(Buffer.compare((await decoded('a.jpg', jpeg)).data, expected)).toBe(0);
  });

  test('gray JPEG and PNG become three equal channels', async () => {
    for (const image of [
      source(1).toColourspace('b-w').jpeg(),
      source(1).toColourspace('b-w').png(),
      source(2).png(),
    ]) {
      const { data, channels } = await decoded('gray', image);
      expect(channels).toBe(3);
      expect(data).toHaveLength(width * height * 3);
      for (let i = 0; i < data.length; i += 3) expect([data[i + 1], data[i + 2]]).toEqual([data[i], data[i]]);
    }
  });

  test('alpha is dropped, not blended', async () => {
    const rgba = noise(width * height * 4);
    const { data } = await decoded('alpha.png', source(4).png());
    for (let i = 0; i < width * height; i++) {
      expect([...data.subarray(3 * i, 3 * i + 3)]).toEqual([...rgba.subarray(4 * i, 4 * i + 3)]);
    }
  });

  test('16 bits become 8', async () => {
    const wide = Uint16Array.from({ length: 12 }, (_, i) => i * 5000);
    const raw = { width: 2, height: 2, channels: 3 } as const;
    const png = sharp(wide, { raw }).toColourspace('rgb16').png();
    expect((await sharp(await png.toBuffer()).metadata()).depth).toBe('ushort');
    const { data } = await decoded('wide.png', png);
    expect([...data]).toEqual([...wide].map((value) => value >> 8));
  });

  test('a CMYK JPEG becomes RGB', async () => {
    const red = sharp({ create: { width: 8, height: 8, channels: 3, background: '#e01010' } });
    const { data, channels } = await decoded('cmyk.jpg', red.toColourspace('cmyk').jpeg());
    expect(channels).toBe(3);
    expect(data[0]).toBeGreaterThan(180);
    expect(data[1]).toBeLessThan(80);
  });

  test('neither EXIF orientation nor the ICC profile is applied', async () => {
    const plain = await decoded('plain.png', source(3).png());
    const turned = await decoded(
      'turned.png',
      source(3)
        .withExif({ IFD0: { Orientation: '6' } })
        .png(),
    );
    expect(turned).toEqual(plain);
    const jpeg = await source(3).withIccProfile('p3').jpeg().toBuffer();
    expect((await sharp(jpeg).metadata()).hasProfile).toBe(true);
    const stored = await sharp(jpeg, { ignoreIcc: true }).raw().toBuffer();
    const converted = await sharp(jpeg).raw().toBuffer();
    expect(Buffer.compare(stored, converted)).not.toBe(0);
    writeFileSync(join(folder, 'p3.jpg'), jpeg);
    expect(Buffer.compare((await decodeImage(join(folder, 'p3.jpg'), 'p3.jpg')).data, stored)).toBe(0);
  });

  test.each(['empty.jpg', 'text.png', 'truncated.jpg', 'truncated.png'])('%s is refused', async (name) => {
    const file = join(folder, name);
    const whole = await (name.endsWith('.png') ? source(3).png() : source(3).jpeg()).toBuffer();
    const content = { 'empty.jpg': '', 'text.png': 'no image' }[name] ?? whole.subarray(0, whole.length >> 1);
    writeFileSync(file, content);
    const error = await caught(() => decodeImage(file, `x/${name}`));
    expect(error.code).toBe('ERR_CASC_IMAGE');
    expect(error.message).toContain(`${file} cannot be decoded: `);
    expect(error.message).toMatch(/; replace the image or take it out of the data set$/);
    expect(error.where).toEqual({ file, image: `x/${name}` });
  });

  test('a missing file is refused', async () => {
    const file = join(folder, 'none.jpg');
    const error = await caught(() => decodeImage(file, 'none.jpg'));
    expect(error.code).toBe('ERR_CASC_IMAGE');
    expect(error.message).toBe(`${file} cannot be opened: it or its folder does not exist; check the path`);
  });
});
