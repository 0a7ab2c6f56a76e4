/** The coverage picture on the map: looked up for each pixel of the screen, so it is exact. */

/** `prelude` is MapLibre's, and brings `projectTile` for the flat map and the globe. */
export function vertexShader(prelude: string, define: string): string {
  return `#version 300 es
${prelude}
${define}
in vec2 corner;
uniform vec4 area;  // west, north, width and height of what is drawn, in Web Mercator from 0 to 1
out vec2 place;
void main() {
  place = area.xy + corner * area.zw;
  gl_Position = projectTile(place);
}`;
}

export const FRAGMENT_SHADER = `#version 300 es
precision highp float;
in vec2 place;
uniform sampler2D picture;
uniform float opacity;
out vec4 color;
const float PI = 3.141592653589793;
void main() {
  float latitude = atan(sinh(PI * (1.0 - 2.0 * place.y)));
  vec2 size = vec2(textureSize(picture, 0));
  vec2 cell = vec2(place.x, 0.5 - latitude / PI) * size;
  // Where a cell is larger than a pixel its edges stay sharp, but not jagged.
  vec2 width = max(fwidth(cell), 1e-6);
  vec2 from = cell - 0.5;
  vec2 sharp = floor(from) + 0.5 + clamp((fract(from) - 0.5) / width + 0.5, 0.0, 1.0);
  vec2 at = mix(sharp, cell, step(1.0, width));
  color = textureGrad(picture, at / size, dFdx(cell) / size, dFdy(cell) / size) * opacity;
}`;
