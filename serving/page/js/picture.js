/** A picture that somebody gives: checked, in base64 as the API takes it, and drawn small. */
import { Problem } from './api.js';
import { h } from './dom.js';
import { t } from './i18n.js';

const MOST_BYTES = 16 * 2 ** 20;
const SHARPNESS = 2;

/** {name, bitmap, base64}. Throws a `Problem` for what is no picture, or too large a one. */
export async function readPicture(file) {
  const name = file.name || t('the-picture');
  if (file.size > MOST_BYTES) throw refused(t('name-has-more-than-16-mib', { name }), t('choose-a-smaller-one'));
  const bitmap = await createImageBitmap(file).catch(() => null);
  if (bitmap === null) throw refused(t('name-cannot-be-read-as-a', { name }), t('choose-a-jpeg-png-webp-or'));
  return { name, bitmap, base64: await inBase64(file) };
}

const refused = (detail, remedy) => new Problem({ title: t('not-a-picture-for-this'), detail, remedy });

function inBase64(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(',') + 1));
    reader.onerror = () => reject(refused(String(reader.error), t('choose-it-again')));
    reader.readAsDataURL(file);
  });
}

/** A canvas: the policy of the page lets images come from this server alone. Whole, within `most` CSS pixels. */
export function drawnPicture({ name, bitmap }, most) {
  const scale = Math.min(1, (most * SHARPNESS) / Math.max(bitmap.width, bitmap.height));
  const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(side * scale)));
  const canvas = h('canvas', { class: 'preview__picture', role: 'img', 'aria-label': t('preview-of-name', { name }), width, height });
  const pen = canvas.getContext('2d');
  pen.imageSmoothingQuality = 'high';
  pen.drawImage(bitmap, 0, 0, width, height);
  return canvas;
}
