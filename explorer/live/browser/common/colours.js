/* Colours as canvases hold them: 32-bit words, and ramps of 256 of them. */

function channels(hex) {
  return [1, 3, 5].map((start) => parseInt(hex.slice(start, start + 2), 16));
}

function packChannels([red, green, blue]) {
  return (0xff000000 | (blue << 16) | (green << 8) | red) >>> 0;
}

/** `#rrggbb` as an opaque word of image data. */
export function packColour(hex) {
  return packChannels(channels(hex));
}

/** A ramp of 256 packed colours through the given ones. */
export function colourRamp(colours) {
  const stops = colours.map(channels);
  const ramp = new Uint32Array(256);
  for (let i = 0; i < 256; i++) {
    const position = (i / 255) * (stops.length - 1);
    const left = Math.min(Math.floor(position), stops.length - 2);
    const share = position - left;
    const mixed = stops[left].map((channel, j) => Math.round(channel + share * (stops[left + 1][j] - channel)));
    ramp[i] = packChannels(mixed);
  }
  return ramp;
}
