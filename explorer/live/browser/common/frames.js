/* Frames: the binary answers of the live service, and what is computed from their curves. */

/** Header and arrays of one frame (see explorer/live/protocol.py); an array knows its `shape`. */
export function decodeFrame(bytes) {
  const buffer = bytes instanceof ArrayBuffer ? bytes : bytes.slice().buffer;
  const headerLength = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, headerLength)));
  const start = 4 + headerLength + ((4 - (headerLength % 4)) % 4);
  const arrays = {};
  for (const { name, shape, dtype, offset } of header.arrays) {
    const count = shape.reduce((product, length) => product * length, 1);
    const ArrayType = dtype === "u1" ? Uint8Array : Float32Array;
    arrays[name] = Object.assign(new ArrayType(buffer, start + offset, count), { shape });
  }
  return { header, arrays };
}

/** The arrays of one curve by what they hold; those the frame lacks are undefined. */
export function curveArrays(arrays, name) {
  return {
    x: arrays[`at.${name}`],
    y: arrays[`live.${name}`],
    mean: arrays[`mean.${name}`],
    sd: arrays[`sd.${name}`],
    referenceX: arrays[`home.${name}`],
    requested: arrays[`asked.${name}`],
    requestedX: arrays[`asked_at.${name}`],
  };
}

/** [mean |curve - mean of the reference|, the same for one sample of the reference: sd sqrt(2 / pi)], on the positions
 *  both have; null without a reference. */
export function deviation({ y, mean, sd }) {
  if (!mean) return null;
  const count = Math.min(y.length, mean.length);
  let distance = 0;
  let expected = 0;
  for (let i = 0; i < count; i++) {
    distance += Math.abs(y[i] - mean[i]) / count;
    expected += (sd[i] * Math.sqrt(2 / Math.PI)) / count;
  }
  return [distance, expected];
}
